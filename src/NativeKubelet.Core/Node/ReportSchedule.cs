namespace NativeKubelet.Core.Node;

/// <summary>
/// When a node's status is sent: at once when it changed, and else so often that the cluster sees it fresh, at another moment on
/// every node. Immutable; times are of the monotonic clock.
/// </summary>
/// <param name="Every">nodeStatusReportFrequency.</param>
public sealed record ReportSchedule(TimeSpan Every, DateTimeOffset? LastSent = null, TimeSpan Delay = default)
{
    public bool IsDue(bool changed, DateTimeOffset now) => changed || LastSent is not { } last || now - last >= Every + Delay;

    /// <param name="random">From 0 to 1. After a change the next report is moved by up to half a period either way: nodes that
    /// changed together must not report together for ever.</param>
    public ReportSchedule Sent(bool changed, DateTimeOffset now, double random) =>
        this with { LastSent = now, Delay = changed || LastSent is null ? Every * (random - 0.5) : TimeSpan.Zero };
}
