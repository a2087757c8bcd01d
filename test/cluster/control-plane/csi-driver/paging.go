package main

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A token names the last id of the page before, so it stays good when items
// come and go between two pages.
const tokenPrefix = "after:"

// page cuts items, sorted by id, to those after the token, at most limit (0: all).
func page(items []item, token string, limit int32) (entries []item, next string, err error) {
	if token != "" {
		last, ours := strings.CutPrefix(token, tokenPrefix)
		if !ours {
			return nil, "", status.Errorf(codes.Aborted, "starting token %q is not one of ours", token)
		}
		for len(items) > 0 && items[0].ID <= last {
			items = items[1:]
		}
	}
	if limit > 0 && len(items) > int(limit) {
		items = items[:limit]
		next = tokenPrefix + items[limit-1].ID
	}
	return items, next, nil
}
