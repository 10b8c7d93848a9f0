package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"wheelhouse/labs"
)

// problem is an error as a client gets it: application/problem+json of RFC 9457
// with a code for programs. Detail is a sentence for the person before the
// page, with the next step where there is one.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`

	retryAfter time.Duration // with status 429 and 503
	err        error         // the cause, for the log only
}

func (p *problem) Error() string { return p.Detail }
func (p *problem) Unwrap() error { return p.err }

var statuses = map[labs.Code]int{
	labs.CodeInvalid:      http.StatusUnprocessableEntity,
	labs.CodeUnauthorized: http.StatusUnauthorized,
	labs.CodeForbidden:    http.StatusForbidden,
	labs.CodeNotFound:     http.StatusNotFound,
	labs.CodeConflict:     http.StatusConflict,
	labs.CodeLimited:      http.StatusTooManyRequests,
	labs.CodeUnavailable:  http.StatusServiceUnavailable,
}

// problemOf turns any error into what a client may know of it. The text of an
// error that is not meant for people stays in the log.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*labs.Error](err); ok {
		if status, known := statuses[e.Code]; known {
			p := &problem{Status: status, Code: string(e.Code), Detail: e.Message, err: e.Err}
			if e.Code == labs.CodeLimited {
				p.retryAfter = limitedRetry
			}
			return p
		}
	}
	return &problem{Status: http.StatusInternalServerError, Code: "Internal", err: err,
		Detail: "Something went wrong inside Wheelhouse. Try again; if it stays, tell whoever runs it the time at which it happened."}
}

// limitedRetry is what clients are told to wait when a rule of labs limits them
// and there is no better figure.
const limitedRetry = 10 * time.Second

// fail ends the request with err's problem. The request log carries the cause.
func (s *Server) fail(c *gin.Context, err error) {
	p := *problemOf(err)
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	if p.err != nil {
		c.Set(causeKey, p.err)
	}
	if p.retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(max(1, int(p.retryAfter.Round(time.Second)/time.Second))))
	}
	body, err := json.Marshal(&p)
	if err != nil {
		body = []byte("{}") // cannot be: the fields are strings and a number
	}
	c.Header("Cache-Control", "no-store")
	c.Data(p.Status, "application/problem+json", body)
	c.Abort()
}

func invalid(detail string) error {
	return &labs.Error{Code: labs.CodeInvalid, Message: detail}
}

func notFound(detail string) error {
	return &labs.Error{Code: labs.CodeNotFound, Message: detail}
}
