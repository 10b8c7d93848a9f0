package server

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
)

// maxBody is the size of the largest JSON body, in bytes. The largest that any
// route needs is a few hundred.
const maxBody = 64 << 10

// limitBody caps every request's body, read or not.
func limitBody(c *gin.Context) {
	if c.Request.Body != nil {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	}
}

// decode reads the JSON body into v, strictly: the right content type, no
// unknown fields, one value.
func decode(c *gin.Context, v any) error {
	kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || kind != "application/json" {
		return &problem{Status: http.StatusUnsupportedMediaType, Code: "Invalid", Detail: "Send the body as application/json."}
	}
	decoder := json.NewDecoder(c.Request.Body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(v)
	if err == nil {
		if _, after := decoder.Token(); after != io.EOF {
			err = errors.New("more than one JSON value")
			if tooLarge, ok := errors.AsType[*http.MaxBytesError](after); ok {
				err = tooLarge
			}
		}
	}
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{Status: http.StatusRequestEntityTooLarge, Code: "TooLarge", Detail: "The body is larger than 64 KiB."}
	}
	return &problem{Status: http.StatusBadRequest, Code: "Invalid", err: err,
		Detail: "The body is not the JSON that this route takes; /api/openapi.yaml describes it."}
}
