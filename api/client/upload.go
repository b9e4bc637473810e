package client

import (
	"context"
	"net/http"
)

// Upload posts a file as it is and reads the answer into out, as Do does.
func (c *Client) Upload(ctx context.Context, path, contentType string, file []byte, out any) error {
	return c.send(ctx, http.MethodPost, path, contentType, file, out)
}
