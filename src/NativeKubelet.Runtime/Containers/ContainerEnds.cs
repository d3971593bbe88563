using Microsoft.Extensions.Logging;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// The end of a container, seen or found: nothing of it runs on, its record says how it ended (durably, as losing that would
/// start a finished container again), and what it held is given back behind the scenes.
/// </summary>
internal sealed partial class ContainerEnds(RuntimeSettings settings, PodCgroups cgroups, ContainerLauncher containers, TimeProvider time, ILogger log)
{
    private const int KilledBySignal9 = 137;

    /// <summary>Why, in the word that Kubernetes users know.</summary>
    internal static string Reason(HolderExit exit) => exit switch
    {
        { Lost: true } => "Unknown",
        { OomKilled: true, Code: KilledBySignal9 } => "OOMKilled",
        { Code: 0 } => "Completed",
        _ => "Error",
    };

    /// <returns>When this returns the end is on disk, and may be forgotten by whoever told of it.</returns>
    public async Task RecordAsync(Sandbox sandbox, ContainerRecord container, HolderExit exit)
    {
        // What it left behind in its group (shared or host PID namespace) must not outlive it unseen.
        if (!await cgroups.RemoveLeafAsync(container.CgroupPath, CancellationToken.None))
            LeftInGroup(container.Id, container.CgroupPath);
        string message = TerminationMessage.Read(container, failed: exit.Code != 0);
        ContainerRecord ended = container.Ended(exit.Code, Reason(exit), message, exit.FinishedAt);
        ContainerFiles files = new(settings.Paths, container.Id);
        files.Write(ended, durable: true);
        sandbox.Clearing[container.Id] = ClearAsync(sandbox, files);
        sandbox.Set(ended);
        ContainerEnded(container.PodNamespace, container.PodName, container.Name, exit.Code, ended.Reason);
    }

    /// <summary>Nobody saw it end: the holder's note tells, or nothing does.</summary>
    public Task RecordLostAsync(Sandbox sandbox, ContainerRecord container)
    {
        HolderExit exit = HolderExitFile.Read(SandboxFiles.Of(settings.Paths, sandbox.Id).ExitFile(container.Id))
            ?? new HolderExit(Sandbox.LostExit, 0, time.GetUtcNow(), OomKilled: false, Lost: true);
        return RecordAsync(sandbox, container, exit);
    }

    private async Task ClearAsync(Sandbox sandbox, ContainerFiles files)
    {
        await Task.Yield();     // the status must not wait for unmounting
        await containers.ClearAsync(files);
        sandbox.Clearing.TryRemove(files.Id, out _);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "container ended: {PodNamespace}/{PodName}/{Container} with {ExitCode} ({Reason})")]
    private partial void ContainerEnded(string podNamespace, string podName, string container, int exitCode, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "container {ContainerId} ended, but processes of it are still in {Group} and do not die")]
    private partial void LeftInGroup(string containerId, string group);
}
