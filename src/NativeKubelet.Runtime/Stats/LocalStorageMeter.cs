using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Eviction;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Images;

namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// Measures what of a pod is subject to its limits of local storage: writable layers, logs, volumes on the node's disk, and the
/// files that the agent binds into containers. Works on the caller's thread, for as long as the directories are large.
/// </summary>
public sealed class LocalStorageMeter(RuntimePaths paths)
{
    private static readonly string[] CountedPlugins = ["kubernetes.io~empty-dir", "kubernetes.io~configmap"];

    /// <param name="running">The pod's containers that run: of one that has ended, nothing but its logs is left.</param>
    public LocalStorageUse Measure(V1Pod pod, LocalStorageLimits limits, IReadOnlyCollection<ContainerState> running, CancellationToken cancel)
    {
        long most = limits.Pod?.Whole ?? 0;
        ImmutableDictionary<string, long> volumes = limits.EmptyDirs.ToImmutableDictionary(v => v.Key, v => Of(Volume(pod, CountedPlugins[0], v.Key), v.Value.Whole, cancel));
        if (limits.Pod is null) return new(volumes, ImmutableDictionary<string, long>.Empty, 0);

        // As the original: where images have a disk of their own, a container is judged by its logs alone.
        bool apart = Device(paths.Root) != Device(paths.Data);
        ImmutableDictionary<string, long> containers = ImmutableDictionary<string, long>.Empty;
        long total = 0;
        foreach (ContainerState container in running)
        {
            long layer = Of(ImageStore.OwnChanges(paths.ContainerData(container.Id)), most, cancel);
            total += layer;
            containers = containers.SetItem(container.Name, (apart ? 0 : layer) + Of(Path.GetDirectoryName(container.LogPath)!, most, cancel));
        }
        foreach (string plugin in CountedPlugins)
            foreach (string volume in Entries(Path.Combine(paths.PodDirectory(pod.Metadata.Uid), "volumes", plugin)))
                total += volumes.TryGetValue(Path.GetFileName(volume), out long known) && plugin == CountedPlugins[0] ? known : Of(volume, most, cancel);
        total += Of(ContainerFiles.PodLogs(paths, pod.Metadata.NamespaceProperty, pod.Metadata.Name, pod.Metadata.Uid), most, cancel);
        total += Of(Path.Combine(paths.PodDirectory(pod.Metadata.Uid), "containers"), most, cancel) + EtcHosts(pod);
        return new(volumes, containers, total);
    }

    private string Volume(V1Pod pod, string plugin, string name) => Path.Combine(paths.PodDirectory(pod.Metadata.Uid), "volumes", plugin, name);

    /// <returns>0 for what is not there (yet, or any more) and for a volume in memory, which is not on this disk.</returns>
    private static long Of(string directory, long most, CancellationToken cancel)
    {
        try
        {
            using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(directory)!);
            return parent.TryStatus(Path.GetFileName(directory)) is { Kind: FileKind.Directory, MountRoot: not true } ? DirectoryUse.Of(directory, most, cancel).Bytes : 0;
        }
        catch (ErrnoException)
        {
            return 0;
        }
    }

    private long EtcHosts(V1Pod pod)
    {
        try
        {
            using DirectoryHandle directory = DirectoryHandle.Open(paths.PodDirectory(pod.Metadata.Uid));
            return directory.TryStatus("etc-hosts")?.AllocatedBytes ?? 0;
        }
        catch (ErrnoException)
        {
            return 0;
        }
    }

    private static ulong Device(string directory)
    {
        using DirectoryHandle handle = DirectoryHandle.Open(directory);
        return handle.Status().Device;
    }

    private static string[] Entries(string directory)
    {
        try
        {
            return Directory.GetFileSystemEntries(directory);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
