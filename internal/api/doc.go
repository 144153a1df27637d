// Package api is the HTTP interface of Linli: JSON under /api/v1, described by an OpenAPI 3.1 document that is generated from this
// code. A handler parses, asks the engine or the store once, and renders.
//
// Every write goes through the engine, whose commit checks the caller's token again; reads query the store. The package knows no
// SQL, no rules and no clock of its own. Problems are RFC 9457 documents in the caller's language; nothing personal or sensitive
// stands in a URL, a log line, a problem document or a stream.
package api
