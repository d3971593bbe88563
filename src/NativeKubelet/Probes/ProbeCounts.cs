using System.Collections.Concurrent;
using k8s.Models;
using NativeKubelet.Core.Probes;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Probes;

/// <summary>How probes came out, of the containers that are probed now (prober_probe_total).</summary>
internal sealed class ProbeCounts
{
    private readonly ConcurrentDictionary<string, OfContainer> _all = [];

    public OfContainer Begin(V1Pod pod, string container, string id) => _all.GetOrAdd(id, static (_, of) => new(of.pod, of.container), (pod, container));

    /// <summary>Its series end with the container.</summary>
    public void End(string id) => _all.TryRemove(id, out _);

    public void Write(MetricText to)
    {
        to.Family("prober_probe_total", "counter", "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.");
        foreach (OfContainer container in _all.Values) container.Write(to);
        to.Family("prober_probe_duration_seconds", "histogram", "[ALPHA] Duration in seconds for a probe response.");
        foreach (OfContainer container in _all.Values) container.WriteDurations(to);
    }

    /// <summary>One container instance's.</summary>
    internal sealed class OfContainer(V1Pod pod, string container)
    {
        private static readonly string[] Results = ["successful", "failed", "unknown"];

        private readonly long[] _counts = new long[Enum.GetValues<ProbeKind>().Length * Results.Length];

        private readonly Histogram?[] _durations = new Histogram?[Enum.GetValues<ProbeKind>().Length];      // of those that succeeded

        public void Add(ProbeKind kind, ProbeResult result, TimeSpan duration)
        {
            Add(kind, result);
            if (result is not (ProbeResult.Success or ProbeResult.Warning)) return;
            // A kind has one probe, and that one has one loop.
            Histogram durations = _durations[(int)kind] ?? new(Buckets.Usual);
            durations.Observe(duration);
            Volatile.Write(ref _durations[(int)kind], durations);
        }

        private void Add(ProbeKind kind, ProbeResult result) => Interlocked.Increment(ref _counts[((int)kind * Results.Length) + result switch
        {
            ProbeResult.Success or ProbeResult.Warning => 0,
            ProbeResult.Failure => 1,
            _ => 2,
        }]);

        private string Labels => string.Join(
            ',', MetricText.Label("container", container), MetricText.Label("namespace", pod.Metadata.NamespaceProperty), MetricText.Label("pod", pod.Metadata.Name));

        public void WriteDurations(MetricText to)
        {
            foreach (ProbeKind kind in Enum.GetValues<ProbeKind>())
                if (Volatile.Read(ref _durations[(int)kind]) is { } durations) durations.Write(to, $"{Labels},probe_type=\"{kind}\"");
        }

        public void Write(MetricText to)
        {
            string labels = $"{Labels},{MetricText.Label("pod_uid", pod.Metadata.Uid)}";
            foreach (ProbeKind kind in Enum.GetValues<ProbeKind>())
                for (int result = 0; result < Results.Length; result++)
                    if (Volatile.Read(ref _counts[((int)kind * Results.Length) + result]) is > 0 and var count)
                        to.Sample(labels, count, more: $"probe_type=\"{kind}\",result=\"{Results[result]}\"");
        }
    }
}
