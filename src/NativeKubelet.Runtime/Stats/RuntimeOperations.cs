using System.Diagnostics;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Runtime.Stats;

/// <summary>What the runtime did, how long it took and how often it failed, by the names that the CRI's calls have on dashboards.</summary>
public sealed class RuntimeOperations
{
    private readonly CounterFamily _begun = new("kubelet_runtime_operations_total", "[ALPHA] Cumulative number of runtime operations by operation type.", "operation_type");
    private readonly CounterFamily _failed = new("kubelet_runtime_operations_errors_total", "[ALPHA] Cumulative number of runtime operation errors by operation type.", "operation_type");

    private readonly HistogramFamily _durations = new(
        "kubelet_runtime_operations_duration_seconds", "[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.", Buckets.Exponential(.005, 2.5, 14), "operation_type");

    /// <param name="name">One of a few fixed words.</param>
    /// <returns>To be told of its success before it is disposed of; otherwise it has failed.</returns>
    public Running Begin(string name) => new(this, name);

    public void Write(MetricText to)
    {
        _begun.Write(to);
        _failed.Write(to);
        _durations.Write(to);
    }

    public sealed class Running : IDisposable
    {
        private readonly RuntimeOperations _all;
        private readonly string _name;
        private readonly long _begun = Stopwatch.GetTimestamp();
        private bool _succeeded;

        internal Running(RuntimeOperations all, string name)
        {
            (_all, _name) = (all, name);
            all._begun.Increment(name);
        }

        public void Succeed() => _succeeded = true;

        public void Dispose()
        {
            _all._durations.Of(_name).Observe(Stopwatch.GetElapsedTime(_begun));
            if (!_succeeded) _all._failed.Increment(_name);
        }
    }
}
