package verify

import (
	"context"

	"k8s.io/client-go/rest"

	"wheelhouse/labs/terminal"
)

// Prove runs the case where everything is set up, against an API server and a
// workstation that need no network, so that time in a test can be synctest's.
func (c Case) Prove(ctx context.Context, config *rest.Config, workstation terminal.Dialer) ([]string, error) {
	p, err := begin(ctx, c.Lab, config, workstation, nil)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := c.run(ctx, p); err != nil {
		p.problem("%v", err)
	}
	return p.problems, nil
}

// Typist types into a terminal.
type Typist struct{ *typist }

func NewTypist(ctx context.Context, workstation terminal.Dialer) (Typist, error) {
	t, err := newTypist(ctx, workstation, "verify")
	return Typist{t}, err
}

func (t Typist) TypeText(ctx context.Context, text string) error { return t.typeText(ctx, text) }

func (t Typist) Transcript() string { return t.transcript() }
