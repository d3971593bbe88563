using System.Globalization;
using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Runtime;

namespace NativeKubelet.Pods;

/// <summary>A pod's log directory, PODLOGS/NAMESPACE_NAME_UID/CONTAINER/N.log: where log collectors look for it.</summary>
internal static class PodLogs
{
    public static string Of(RuntimePaths paths, V1Pod pod) =>
        Path.Combine(paths.PodLogs, $"{pod.Metadata.NamespaceProperty}_{pod.Metadata.Name}_{pod.Metadata.Uid}");

    /// <summary>The restart count of a container that no record tells of: one more than its newest log; 0 without any.</summary>
    public static int NextRestart(RuntimePaths paths, V1Pod pod, string container)
    {
        string directory = Path.Combine(Of(paths, pod), container);
        if (!Directory.Exists(directory)) return 0;
        int highest = -1;
        foreach (string file in Directory.EnumerateFiles(directory))
        {
            // 3.log, 3.log.20260102-030405
            string name = Path.GetFileName(file);
            int end = name.IndexOf(".log", StringComparison.Ordinal);
            if (end > 0 && int.TryParse(name.AsSpan(0, end), NumberStyles.None, CultureInfo.InvariantCulture, out int count)) highest = Math.Max(highest, count);
        }
        return highest + 1;
    }

    public static void Remove(RuntimePaths paths, V1Pod pod) => DirectoryHandle.DeleteTree(Of(paths, pod));

    /// <summary>Of a pod of which only the UID is known.</summary>
    public static void Remove(RuntimePaths paths, string podUid)
    {
        if (!Directory.Exists(paths.PodLogs)) return;
        foreach (string directory in Directory.GetDirectories(paths.PodLogs, $"*_{podUid}"))
            DirectoryHandle.DeleteTree(directory);
    }
}
