package cli

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"ship-post.com/shippost/internal/app"
)

// progress shows a person how far a publication is: a bar for the upload on a terminal, and a line for each step.
type progress struct {
	w     io.Writer
	bars  *mpb.Progress // nil when nobody watches
	bar   *mpb.Bar
	steps map[string]bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, steps: map[string]bool{}}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
		}
	}
	return p
}

// report shows one step. It is called from one goroutine at a time.
func (p *progress) report(s app.PublishStep) {
	if s.Total > 0 {
		p.upload(s)
		return
	}
	if !p.steps[s.Text] {
		p.steps[s.Text] = true
		say(p.w, "%s\n", s.Text)
	}
}

func (p *progress) upload(s app.PublishStep) {
	if p.bars == nil {
		return
	}
	if p.bar == nil {
		p.bar = p.bars.AddBar(s.Total, mpb.PrependDecorators(decor.Name("Uploading "), decor.Percentage()),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
	}
	p.bar.SetCurrent(s.Done)
	if s.Done == s.Total {
		p.bars.Wait()
		p.bars = nil
	}
}

func (p *progress) end() {
	if p.bars != nil && p.bar != nil {
		p.bar.Abort(false)
		p.bars.Wait()
	}
}
