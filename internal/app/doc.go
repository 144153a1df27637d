// Package app is the composition root: it reads the configuration, puts store, keys, engine and scheduler together, and
// is the command line. It holds no rules of programmes, and it is the only package that asks the machine for the time.
package app
