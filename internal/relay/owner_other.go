//go:build !unix

package relay

import "io/fs"

// private reports whether a directory may hold a socket. Here a user's temporary directory is the user's own.
func private(info fs.FileInfo) bool { return info.IsDir() }
