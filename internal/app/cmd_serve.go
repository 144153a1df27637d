package app

import "log/slog"

type serveCmd struct {
	dataFlags
	webFlags

	LogFormat   string `enum:"json,text" default:"json" help:"日志格式：json 或 text / Format of the log: json or text."`
	LogRequests bool   `negatable:"" default:"true" help:"逐个记录请求（不含个人信息）/ Log every request, without personal data."`
}

// log is where the process logs.
func (c *serveCmd) log(s *session) *slog.Logger {
	if c.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(s.sys.Err, nil))
	}
	return slog.New(slog.NewJSONHandler(s.sys.Err, nil))
}

// Run serves until it is told to stop: requests over HTTP, timers as they fall due, and the commands of other processes.
func (c *serveCmd) Run(s *session) error {
	w, err := s.listen(c.webFlags)
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }() // if it never came to serving
	w.quiet = !c.LogRequests
	s.log, s.committers = c.log(s), c.Committers
	return s.holding(c.dataFlags, func(d *desk) error {
		if err := w.greet(d); err != nil {
			return err
		}
		err := w.serve(d)
		d.say("已停止；答复过的操作都已保存。", "Stopped; everything that was answered is stored.")
		return err
	})
}

// greet says where the server is, and how the first administrator is made if there is none.
func (w *web) greet(d *desk) error {
	d.say("邻里已启动：%s（接口说明 %s/api/docs）。按 Ctrl-C 停止。", "Linli is up: %s (the API is described at %s/api/docs). Ctrl-C stops it.", w.public(), w.public())
	if w.flags.PublicURL != "" {
		d.say("本机地址：%s", "On this machine: %s", w.url())
	}
	if w.figures != nil {
		d.say("指标：http://%s/metrics", "Figures: http://%s/metrics", w.figures.Addr())
	}
	communities, err := d.app.Store.Communities(d.ctx)
	if err != nil {
		return err
	}
	if len(communities) == 0 {
		d.say("还没有社区。在另一个终端运行下面的命令，建立社区和第一位管理员，并得到她的凭证：\n  %s init --community lg --name 社区名称 --admin 姓名",
			"There is no community yet. In another terminal, make one with its first administrator and get her token:\n  %s init --community lg --name NAME --admin NAME", d.sys.Program)
	}
	return nil
}
