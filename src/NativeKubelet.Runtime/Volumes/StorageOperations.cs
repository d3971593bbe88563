using System.Diagnostics;
using k8s.Models;
using NativeKubelet.Core.Stats;
using NativeKubelet.Core.Volumes;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>How long it takes to make a volume, or to bring its files up to date, by its kind.</summary>
public sealed class StorageOperations
{
    private readonly HistogramFamily _durations = new(
        "storage_operation_duration_seconds", "[ALPHA] Storage operation duration", new Buckets(.1, .25, .5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600),
        "volume_plugin", "operation_name", "status", "migrated");

    public void Mount(V1Volume volume, Action work)
    {
        long begun = Stopwatch.GetTimestamp();
        string status = "fail-unknown";
        try
        {
            work();
            status = "success";
        }
        finally
        {
            _durations.Of((VolumePlugin.Of(volume), "volume_mount", status, "false")).Observe(Stopwatch.GetElapsedTime(begun));
        }
    }

    public void Write(MetricText to) => _durations.Write(to);
}
