using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Pods;

/// <summary>
/// What earlier agents left of pods that nobody names: sandboxes, directories, logs and empty cgroups. Done once, when every
/// source has named its pods; from then on each worker cleans up after its own pod.
/// </summary>
public sealed partial class PodCleanup(
    IContainerRuntime runtime, PodWorkers workers, IVolumes volumes, PodCgroups cgroups, RuntimePaths paths, ILogger<PodCleanup> log)
{
    /// <param name="named">UIDs of all pods that a source names, refused ones too.</param>
    public async Task RunAsync(IReadOnlySet<string> named, CancellationToken cancel)
    {
        foreach (SandboxState sandbox in runtime.Sandboxes)
            if (!workers.Has(sandbox.PodUid)) workers.StopOrphan(sandbox);
        foreach (string uid in PodDirectory.All(paths).Where(uid => !named.Contains(uid) && !workers.Has(uid)).ToList()) await RemoveAsync(uid, cancel);
        foreach (FoundPodCgroup group in cgroups.ListPods())
        {
            if (named.Contains(group.Uid) || workers.Has(group.Uid)) continue;
            // Processes in it are somebody's: the start looked for those and was told to go on.
            if (group.Processes.Count is > 0 and var count) StrangerFound(group.Path, count);
            else await cgroups.RemovePodAsync(group.Uid, cancel);
        }
    }

    private async Task RemoveAsync(string uid, CancellationToken cancel)
    {
        try
        {
            await volumes.TearDownAsync(uid, cancel);
            PodLogs.Remove(paths, uid);
            PodDirectory.Remove(paths, uid);
            LeftoverRemoved(uid);
        }
        catch (Exception e) when (e is IOException or ErrnoException or VolumeException)
        {
            LeftoverKept(uid, e.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "PodLeftoverRemoved uid={Uid}: no source names the pod")]
    private partial void LeftoverRemoved(string uid);

    [LoggerMessage(LogLevel.Warning, "PodLeftoverKept uid={Uid}: {Cause}; the next start of the agent tries again")]
    private partial void LeftoverKept(string uid, string cause);

    [LoggerMessage(LogLevel.Warning, "StrangeCgroupFound path={Path} processes={Processes}: it is left alone")]
    private partial void StrangerFound(string path, int processes);
}
