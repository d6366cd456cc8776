// Runs before each test file: nothing of the host's proxy settings may reach a test.
for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY'])
  delete process.env[name];
