/** The headers of every answer: what a browser must not do with it. Nothing may come from elsewhere, and nothing inline runs. */

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
].join('; ');

const COMMON: Readonly<Record<string, string>> = {
  'content-security-policy': CSP,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
};

/** `tls`: browsers come over https, and shall never come otherwise. */
export function securityHeaders(tls: boolean): Readonly<Record<string, string>> {
  return tls ? { ...COMMON, 'strict-transport-security': 'max-age=31536000' } : COMMON;
}
