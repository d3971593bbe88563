using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Pods;

/// <summary>
/// What earlier agents left of pods that nobody names: sandboxes, directories, logs and empty cgroups. Done when every
/// source has named its pods; from then on each worker cleans up after its own pod. What is busy is tried again until it goes.
/// </summary>
public sealed partial class PodCleanup(
    IContainerRuntime runtime, PodWorkers workers, IVolumes volumes, PodCgroups cgroups, RuntimePaths paths, TimeProvider time, ILogger<PodCleanup> log)
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, string> _kept = [];     // UID → why, as it was told

    /// <param name="named">UIDs of all pods that a source names, refused ones too.</param>
    public async Task RunAsync(IReadOnlySet<string> named, CancellationToken cancel)
    {
        foreach (SandboxState sandbox in runtime.Sandboxes)
            if (!workers.Has(sandbox.PodUid)) workers.StopOrphan(sandbox);
        List<string> left = await RemoveAsync([.. PodDirectory.All(paths).Where(uid => !named.Contains(uid))], cancel);
        foreach (FoundPodCgroup group in cgroups.ListPods())
        {
            if (named.Contains(group.Uid) || workers.Has(group.Uid)) continue;
            // Processes in it are somebody's: the start looked for those and was told to go on.
            if (group.Processes.Count is > 0 and var count) StrangerFound(group.Path, count);
            else await cgroups.RemovePodAsync(group.Uid, cancel);
        }
        while (left.Count > 0)
        {
            await Task.Delay(Rest, time, cancel);
            left = await RemoveAsync(left, cancel);
        }
    }

    /// <returns>Those that would not go.</returns>
    private async Task<List<string>> RemoveAsync(List<string> uids, CancellationToken cancel)
    {
        List<string> left = [];
        foreach (string uid in uids)
            if (!workers.Has(uid) && !await TryRemoveAsync(uid, cancel)) left.Add(uid);
        return left;
    }

    private async Task<bool> TryRemoveAsync(string uid, CancellationToken cancel)
    {
        try
        {
            await volumes.TearDownAsync(uid, cancel);
            PodLogs.Remove(paths, uid);
            PodDirectory.Remove(paths, uid);
            LeftoverRemoved(uid);
            return true;
        }
        catch (Exception e) when (e is IOException or ErrnoException or VolumeException)
        {
            if (_kept.GetValueOrDefault(uid) != e.Message) LeftoverKept(uid, _kept[uid] = e.Message, Rest);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Information, "PodLeftoverRemoved uid={Uid}: no source names the pod")]
    private partial void LeftoverRemoved(string uid);

    [LoggerMessage(LogLevel.Warning, "PodLeftoverKept uid={Uid}: {Cause}; tried again every {Rest}")]
    private partial void LeftoverKept(string uid, string cause, TimeSpan rest);

    [LoggerMessage(LogLevel.Warning, "StrangeCgroupFound path={Path} processes={Processes}: it is left alone")]
    private partial void StrangerFound(string path, int processes);
}
