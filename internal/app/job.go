package app

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
)

// queues are the queues beside the default one, with how many jobs of each run here at once.
func queues() map[string]int {
	return map[string]int{media.Queue: 2, media.ConvertQueue: 1, notify.Queue: 2}
}

// periodic are the jobs that the leading node inserts again and again.
func periodic() []*river.PeriodicJob {
	list := append(media.Periodic(), vault.Periodic()...)
	list = append(list, river.NewPeriodicJob(river.PeriodicInterval(time.Minute),
		func() (river.JobArgs, *river.InsertOpts) {
			return forecastArgs{}, &river.InsertOpts{MaxAttempts: 1, Queue: media.Queue}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	list = append(list, lifecycle.Periodic()...)
	return append(list, hourly(sweepArgs{}), hourly(finishArgs{}))
}

func hourly(args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Hour),
		func() (river.JobArgs, *river.InsertOpts) { return args, &river.InsertOpts{MaxAttempts: 1} }, &river.PeriodicJobOpts{RunOnStart: true})
}

// timed returns the kinds of jobs that remove what outlived its time, all of which come again within an hour. A clock that is
// far ahead would have them remove all that there is a time for: files, the audit log, what was told to be deleted in a week.
func timed() []string {
	return append(append(media.Timed(), lifecycle.Timed()...), sweepArgs{}.Kind())
}

// sweepArgs asks for the removal of what nobody needs any more.
type sweepArgs struct{}

// Kind implements river.JobArgs.
func (sweepArgs) Kind() string { return "app.sweep" }

// finishArgs asks for what was left undone, by whatever clock.
type finishArgs struct{}

// Kind implements river.JobArgs.
func (finishArgs) Kind() string { return "app.finish" }

// allWorker does all of something.
type allWorker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	do []func(context.Context) error
}

// Work implements river.Worker. One that fails does not keep the others from their work.
func (w *allWorker[T]) Work(ctx context.Context, _ *river.Job[T]) error {
	var errs []error
	for _, do := range w.do {
		errs = append(errs, do(ctx))
	}
	return errors.Join(errs...)
}

// forecastArgs asks for looks ahead for the posts of the next day.
type forecastArgs struct{}

// Kind implements river.JobArgs.
func (forecastArgs) Kind() string { return "app.forecast" }

type forecastWorker struct {
	river.WorkerDefaults[forecastArgs]
	forecast func(context.Context) error
}

// Work implements river.Worker.
func (w *forecastWorker) Work(ctx context.Context, _ *river.Job[forecastArgs]) error {
	return w.forecast(ctx)
}

// Timeout implements river.Worker: files are read whole.
func (*forecastWorker) Timeout(*river.Job[forecastArgs]) time.Duration { return 15 * time.Minute }

// health returns what on this server would keep posts from going out.
func (a *App) health(context.Context) []shippost.Problem {
	problems := a.library.SpaceProblems()
	notices, err := a.publisher.Desk().Notices(shippost.System("all"))
	if err != nil {
		return problems
	}
	return append(problems, inTheWay(notices)...)
}

// inTheWay returns what holds publishing on this server as problems of every post.
func inTheWay(notices []shippost.Notice) (problems []shippost.Problem) {
	for _, n := range notices {
		p := shippost.Problem{Code: n.Code, Message: n.Message, Remedy: n.Remedy, Severity: shippost.Block}
		if n.Code == "platform_unavailable" {
			p.Severity = shippost.Warn // until the post is due it may be back
		}
		problems = append(problems, p)
	}
	return problems
}

// work registers what is done in the background.
func (a *App) work() {
	a.library.Work(a.registry)
	a.tokens.Work(a.registry)
	a.connect.Work(a.registry)
	a.lifecycle.Work(a.registry)
	sweeps := []func(context.Context) error{a.keeper.Sweep, a.connect.Sweep, a.quota.Sweep, a.composer.Sweep, a.inbox.Sweep, a.inquiries.Sweep, a.addresses.Sweep, a.passkeys.Sweep, a.admins.Sweep, a.usage.Sweep}
	if a.outbox != nil {
		a.outbox.Work(a.registry)
		sweeps = append(sweeps, a.outbox.Sweep)
	}
	jobs.Add(a.registry, &forecastWorker{forecast: a.composer.Forecast})
	jobs.Add(a.registry, &allWorker[sweepArgs]{do: sweeps})
	jobs.Add(a.registry, &allWorker[finishArgs]{do: []func(context.Context) error{a.connect.FinishPartings, a.connect.RenewAvatars}})
}
