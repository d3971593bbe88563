using Microsoft.AspNetCore.Http;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Config;
using NativeKubelet.Core.Server;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Server.Endpoints;

/// <summary>Which path is answered by what (spec 20 §8.3). Who gets here may ask for it; what is off says so in the original's words.</summary>
internal sealed class NodeRoutes
{
    private readonly KubeletConfiguration _options;
    private readonly HealthRoutes _health;
    private readonly PodRoutes _pods;
    private readonly ContainerLogRoute _logs;
    private readonly ConfigzRoute _configz;
    private readonly StatsRoutes _stats;
    private readonly MetricRoutes _metrics;
    private readonly HostLogRoute _hostLogs = new("/var/log");
    private readonly NodeLogRoute _nodeLogs;
    private readonly DebugPages _debug;
    private readonly FeatureGates _gates;
    private readonly Func<HttpContext, Task> _streams;

    /// <param name="streams">exec, attach, portForward and run.</param>
    public NodeRoutes(NodeSources node, Func<HttpContext, Task> streams, TimeProvider time)
    {
        _options = node.Options.Configuration;
        _health = new(node.Checks);
        _pods = new(node.Board, node.Runtime);
        _logs = new(node.Board, node.Runtime, node.Options.Gates["PodLogsQuerySplitStreams"], time);
        _configz = new(node.Options);
        (_stats, _metrics, _debug, _gates) = (node.Stats, node.Metrics, node.Debug, node.Options.Gates);
        _nodeLogs = new(_hostLogs, ProgramPath.Find("journalctl"));
        _streams = streams;
    }

    public Task ServeAsync(HttpContext context) => FindOpen(context) ?? FindDebug(context) ?? throw NotFound();

    /// <summary>What anybody on the network may see where the port without TLS is open.</summary>
    public Task ServeReadOnlyAsync(HttpContext context)
    {
        if (FindOpen(context) is { } answer) return answer;
        throw HasStub(NodeAccess.RootOf(PathOf(context))) ? DebuggingOff() : NotFound();
    }

    private Task? FindOpen(HttpContext context) => PathOf(context).Split('/') switch
    {
        ["", "healthz", .. var name] => _health.ServeAsync(context, name),
        ["", "pods"] => Get(context, _pods.AllAsync),
        ["", "stats", "summary"] => HttpMethods.IsPost(context.Request.Method) ? _stats.SummaryAsync(context) : Get(context, _stats.SummaryAsync),
        ["", "metrics", .. var page] => _metrics.Find(context, page),
        _ => null,
    };

    private Task? FindDebug(HttpContext context)
    {
        string path = PathOf(context), root = NodeAccess.RootOf(path);
        if (_options.EnableDebuggingHandlers == false) throw HasStub(root) ? DebuggingOff() : NotFound();
        return path.Split('/') switch
        {
            ["", "exec" or "attach" or "portForward" or "run", ..] => _streams(context),
            ["", "containerLogs", var space, var pod, var container] => Get(context, c => _logs.ServeAsync(c, space, pod, container)),
            ["", "runningpods"] or ["", "runningpods", ""] => Get(context, _pods.RunningAsync),
            ["", "configz"] => _configz.ServeAsync(context),
            ["", "logs", .. var rest] => _options.EnableSystemLogHandler == true ? Get(context, c => LogsAsync(c, string.Join('/', rest))) : throw Disabled("logs"),
            ["", "flagz"] when _gates["ComponentFlagz"] => Get(context, _debug.FlagsAsync),
            ["", "statusz"] when _gates["ComponentStatusz"] => Get(context, _debug.StatusAsync),
            ["", "checkpoint", var space, var pod, var container] => throw _pods.CheckpointRefusal(context.Request.Method, space, pod, container),
            ["", "debug", "pprof", ..] => throw Disabled("profiling"),
            ["", "debug", "flags", "v"] => _options.EnableDebugFlagsHandler == true ? _debug.VerbosityAsync(context) : throw Disabled("flags"),
            _ => null,
        };
    }

    private Task LogsAsync(HttpContext context, string path) =>
        _options.EnableSystemLogQuery == true && _gates["NodeLogQuery"] ? _nodeLogs.ServeAsync(context, path) : _hostLogs.ServeAsync(context, path);

    private static Task Get(HttpContext context, Func<HttpContext, Task> answer) =>
        HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) ? answer(context) : throw new RefusedException(405, "405: Method Not Allowed");

    private static bool HasStub(string root) => root is "run" or "exec" or "attach" or "portForward" or "containerLogs" or "runningpods" or "logs" or "debug";

    private static string PathOf(HttpContext context) => context.Request.Path.Value ?? "";

    private static RefusedException DebuggingOff() => new(405, "Debug endpoints are disabled.\n");

    private static RefusedException Disabled(string what) => new(405, $"{what} endpoint is disabled.\n");

    private static RefusedException NotFound() => new(404, "404: Page Not Found");
}
