using System.Diagnostics;
using k8s.Models;
using NativeKubelet.Core.Stats;
using NativeKubelet.Core.Volumes;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>How long it takes to make a volume or to bring its files up to date, and to take it down, by its kind.</summary>
public sealed class StorageOperations
{
    private readonly HistogramFamily _durations = new(
        "storage_operation_duration_seconds", "[ALPHA] Storage operation duration", new Buckets(.1, .25, .5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600),
        "volume_plugin", "operation_name", "status", "migrated");

    public void Mount(V1Volume volume, Action work) => Measure(VolumePlugin.Of(volume), "volume_mount", work);

    /// <param name="directory">The plugin's, below a pod's volumes.</param>
    public void Unmount(string directory, Action work) => Measure(VolumePlugin.OfDirectory(directory), "volume_unmount", work);

    public void Write(MetricText to) => _durations.Write(to);

    private void Measure(string plugin, string operation, Action work)
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
            _durations.Of((plugin, operation, status, "false")).Observe(Stopwatch.GetElapsedTime(begun));
        }
    }
}
