package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// Bundle implements engine.Store.
func (s *Store) Bundle(ctx context.Context, hash string) (map[string][]byte, error) {
	var files map[string][]byte
	err := s.each(ctx, "select files from bundles where hash = ?", func(rows *sql.Rows) error {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			return err
		}
		return json.Unmarshal(packed, &files)
	}, hash)
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", hash, err)
	}
	return files, nil
}

// BundleHashes returns the hashes of all stored bundles, in their order as text.
func (s *Store) BundleHashes(ctx context.Context) ([]string, error) {
	var hashes []string
	err := s.each(ctx, "select hash from bundles order by hash", func(rows *sql.Rows) error {
		var hash string
		err := rows.Scan(&hash)
		hashes = append(hashes, hash)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the bundles: %w", err)
	}
	return hashes, nil
}

// PutBundle implements engine.Store.
func (s *Store) PutBundle(ctx context.Context, hash string, language int, files map[string][]byte) error {
	if err := checkText("bundles.hash", hash); err != nil {
		return err
	}
	for name := range files {
		if err := checkText("the name of a file in bundles.files", name); err != nil {
			return err
		}
	}
	packed, err := json.Marshal(files)
	if err != nil {
		return fmt.Errorf("pack bundle %s: %w", hash, err)
	}
	return s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		_, err := t.exec(ctx, "insert into bundles (hash, language, files) values (?, ?, ?) on conflict (hash) do nothing", hash, language, packed)
		if err != nil {
			return fmt.Errorf("store bundle %s: %w", hash, err)
		}
		return nil
	})
}
