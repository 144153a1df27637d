// Package migrations holds the schema of Linli for both databases: files of the same numbers and names, applied in
// order, never changed once released, never reversed. It knows nothing about who runs them.
package migrations

import "embed"

// Files holds sqlite/NNNN_name.sql and postgres/NNNN_name.sql.
//
//go:embed sqlite/*.sql postgres/*.sql
var Files embed.FS
