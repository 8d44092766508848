/**
 * Node's HTTP modules. An `import` of them would evaluate everything that they export, WebSocket and
 * fetch among it, which takes some 20 ms that no request here needs.
 */
export const http = process.getBuiltinModule("node:http");
export const https = process.getBuiltinModule("node:https");
