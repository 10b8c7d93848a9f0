package server

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI serves the description of this API, which a test holds against the
// routes and their answers.
func (s *Server) getOpenAPI(c *gin.Context) error {
	c.Data(http.StatusOK, "application/yaml", openAPI)
	return nil
}

// getHealth tells that the process answers.
func (s *Server) getHealth(c *gin.Context) error {
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
	return nil
}

// getReady tells whether new work should be sent here. Why not is for the log:
// anybody may ask.
func (s *Server) getReady(c *gin.Context) error {
	detail := ""
	switch {
	case s.draining.Load():
		detail = "Wheelhouse is shutting down."
	case s.ready != nil:
		if err := s.ready(c); err != nil {
			c.Set(causeKey, err)
			detail = "Wheelhouse cannot give out clusters at the moment; its log says why."
		}
	}
	if detail != "" {
		return &problem{Status: http.StatusServiceUnavailable, Code: string(labs.CodeUnavailable), Detail: detail}
	}
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
	return nil
}
