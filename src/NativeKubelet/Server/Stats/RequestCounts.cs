using System.Collections.Concurrent;
using System.Diagnostics;
using NativeKubelet.Core.Server;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Server.Stats;

/// <summary>How many requests came to the node's ports (kubelet_http_requests_total). Paths and methods are told by a few words only, as who asks may invent them.</summary>
internal sealed class RequestCounts
{
    private readonly ConcurrentDictionary<(string Method, string Path, bool ReadOnly), Count> _counts = [];

    /// <summary>Counts it as begun, and as under way until the result is disposed of.</summary>
    public Request Begin(string method, string path, bool readOnly)
    {
        Count count = _counts.GetOrAdd((MethodOf(method), PathOf(path), readOnly), static _ => new());
        Interlocked.Increment(ref count.Begun);
        Interlocked.Increment(ref count.UnderWay);
        return new(count);
    }

    public void Write(MetricText to)
    {
        to.Family("kubelet_http_requests_total", "counter", "[ALPHA] Number of the http requests received since the server started");
        foreach (((string method, string path, bool readOnly), Count count) in _counts) to.Sample(Labels(method, path, readOnly), Volatile.Read(ref count.Begun));
        to.Family("kubelet_http_inflight_requests", "gauge", "[ALPHA] Number of the inflight http requests");
        foreach (((string method, string path, bool readOnly), Count count) in _counts) to.Sample(Labels(method, path, readOnly), Volatile.Read(ref count.UnderWay));
        to.Family("kubelet_http_requests_duration_seconds", "histogram", "[ALPHA] Duration in seconds to serve http requests");
        foreach (((string method, string path, bool readOnly), Count count) in _counts) count.Durations.Write(to, Labels(method, path, readOnly));
    }

    private static string Labels(string method, string path, bool readOnly) => string.Join(
        ',', MetricText.Label("long_running", path is "exec" or "attach" or "portForward" or "debug" ? "true" : "false"), MetricText.Label("method", method),
        MetricText.Label("path", path), MetricText.Label("server_type", readOnly ? "readonly" : "readwrite"));

    private static string MethodOf(string method) => method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" ? method : "other";

    private static string PathOf(string path) => path is "/metrics/cadvisor" or "/metrics/resource" or "/metrics/probes" ? path[1..] : NodeAccess.RootOf(path) switch
    {
        "healthz" or "pods" or "stats" or "metrics" or "run" or "exec" or "attach" or "portForward" or "containerLogs" or "configz" or "runningpods" or "logs" or "checkpoint" or "debug" or "flagz" or "statusz"
            => NodeAccess.RootOf(path),
        _ => "other",
    };

    public readonly struct Request(Count count) : IDisposable
    {
        private readonly long _begun = Stopwatch.GetTimestamp();

        public void Dispose()
        {
            Interlocked.Decrement(ref count.UnderWay);
            count.Durations.Observe(Stopwatch.GetElapsedTime(_begun));
        }
    }

    public sealed class Count
    {
        public long Begun;
        public long UnderWay;

        public Histogram Durations { get; } = new(Buckets.Usual);
    }
}
