using System.Collections.Concurrent;
using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>The kinds of volume that need nothing but this machine: hostPath, and emptyDir on disk.</summary>
public sealed class Volumes(RuntimePaths paths, TimeProvider time) : IVolumes
{
    /// <summary>As long as the original waits for volumes before it says so and tries again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(123);

    // A look at a dead network file system never returns. One such look per pod is enough: the next one waits for it.
    private readonly ConcurrentDictionary<string, Task> _busy = new();

    public Task SetUpAsync(V1Pod pod, CancellationToken cancel) => BoundedAsync(pod.Metadata.Uid, "set up", () =>
    {
        foreach (V1Volume volume in Mounted(pod))
        {
            try
            {
                if (volume.EmptyDir is not null) EmptyDirVolume.SetUp(paths, pod.Metadata.Uid, volume.Name);
                else if (volume.HostPath is { } host) HostPathVolume.SetUp(host);
                // Another kind is refused with its container (SupportedFields), and the rest of the pod is told so.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new VolumeException($"MountVolume.SetUp failed for volume \"{volume.Name}\" : {e.Message}", e);
            }
        }
    }, cancel);

    // None of the kinds that are made so far shows an object.
    public Task RefreshAsync(V1Pod pod, CancellationToken cancel) => Task.CompletedTask;

    public ImmutableArray<ResolvedMount> Mounts(V1Pod pod, V1Container container)
    {
        IList<V1VolumeMount> wanted = container.VolumeMounts ?? [];
        ImmutableArray<ResolvedMount>.Builder mounts = ImmutableArray.CreateBuilder<ResolvedMount>(wanted.Count);
        foreach (V1VolumeMount mount in wanted)
        {
            // A path inside a volume is a container's to change; until it can be held open and mounted by its handle
            // it is not looked up at all (CVE-2017-1002101, CVE-2021-25741).
            if (!string.IsNullOrEmpty(mount.SubPath) || !string.IsNullOrEmpty(mount.SubPathExpr))
                throw new VolumeException($"volumeMount \"{mount.Name}\" at {mount.MountPath}: subPath is not mounted by this version");
            V1Volume? volume = pod.Spec.Volumes?.FirstOrDefault(v => v.Name == mount.Name);
            string source = volume switch
            {
                { EmptyDir: not null } => EmptyDirVolume.Path(paths, pod.Metadata.Uid, volume.Name),
                { HostPath: { } host } => host.Path,
                null => throw new VolumeException($"volumeMount \"{mount.Name}\" at {mount.MountPath}: the pod has no such volume"),
                _ => throw new VolumeException($"volume \"{mount.Name}\": this kind of volume is not mounted by this version"),
            };
            mounts.Add(new(source, mount.MountPath, mount.ReadOnlyProperty == true, mount.MountPropagation ?? "None"));
        }
        return mounts.ToImmutable();
    }

    public Task TearDownAsync(string podUid, CancellationToken cancel) => BoundedAsync(podUid, "tear down", () =>
    {
        string pod = paths.PodDirectory(podUid);
        if (!Directory.Exists(pod)) return;
        try
        {
            using DirectoryHandle directory = DirectoryHandle.Open(pod);
            directory.RemoveTree("volumes");
            directory.RemoveTree("plugins");
        }
        catch (IOException e)
        {
            throw new VolumeException($"volumes of pod {podUid} are not removed yet: {e.Message}", e);
        }
    }, cancel);

    private static IEnumerable<V1Volume> Mounted(V1Pod pod)
    {
        HashSet<string> used = [.. PodResources.AllContainers(pod.Spec).SelectMany(c => c.VolumeMounts ?? []).Select(m => m.Name)];
        return (pod.Spec.Volumes ?? []).Where(v => used.Contains(v.Name));
    }

    private async Task BoundedAsync(string podUid, string what, Action work, CancellationToken cancel)
    {
        Task task = _busy.AddOrUpdate(podUid, _ => Task.Run(work, CancellationToken.None), (_, earlier) => After(earlier, work));
        try
        {
            await task.WaitAsync(Patience, time, cancel);
        }
        catch (TimeoutException e)
        {
            throw new VolumeException($"Unable to {what} volumes of pod {podUid}: a file system does not answer", e);
        }
        finally
        {
            if (task.IsCompleted) _busy.TryRemove(new(podUid, task));
        }
    }

    private static Task After(Task earlier, Action work) =>
        earlier.ContinueWith(_ => work(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
}
