using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Recovery;
using NativeKubelet.Runtime.Sandboxes;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Runtime.Streams;
using NativeKubelet.Runtime.Volumes;

namespace NativeKubelet.Runtime;

/// <summary>
/// The container runtime of this node. It holds no state that is not on disk or with a holder: whoever opens it next
/// finds the same sandboxes and containers. Disposing it lets go of them and stops nothing.
/// </summary>
public sealed partial class NodeRuntime : IContainerRuntime, IAsyncDisposable
{
    // A process in uninterruptible sleep ignores SIGKILL; the worker tries again and the user sees why.
    private static readonly TimeSpan KillPatience = TimeSpan.FromSeconds(30);

    private readonly RuntimeSettings _settings;
    private readonly CgroupFs _groups;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HolderLauncher _holders;
    private readonly SandboxLauncher _launcher;
    private readonly ContainerLauncher _containers;
    private readonly ContainerEnds _ends;
    private readonly SandboxEvents _pump;
    private readonly ExecStarter _execs;
    private readonly PodDialer _dialer;
    private readonly PodResizer _resizer;
    private readonly ConcurrentDictionary<string, Sandbox> _sandboxes = new();
    private readonly Channel<RuntimeEvent> _events = Channel.CreateUnbounded<RuntimeEvent>();
    private Snapshot? _snapshot;
    private long _version;

    private NodeRuntime(
        RuntimeSettings settings, PodCgroups cgroups, CgroupFs groups, IImageStore images, ISandboxNetwork network, TimeProvider time, ILogger<NodeRuntime> log)
    {
        (_settings, _groups, _time, _log) = (settings, groups, time, log);
        _holders = new HolderLauncher(settings.Paths.Data);
        _launcher = new SandboxLauncher(settings, _holders, cgroups, network, time, log);
        _containers = new ContainerLauncher(settings, cgroups, groups.Layout, images, Operations, time, log);
        _ends = new ContainerEnds(settings, cgroups, _containers, time, log);
        _pump = new SandboxEvents(settings, cgroups, _launcher, _ends, Publish, time, log);
        _execs = new ExecStarter(settings);
        _dialer = new PodDialer(settings.Paths);
        _resizer = new PodResizer(settings, cgroups);
    }

    public ImmutableArray<SandboxState> Sandboxes
    {
        get
        {
            // Rebuilt by the first reader after a change; what changes meanwhile makes the next reader build again.
            long version = Volatile.Read(ref _version);
            if (Volatile.Read(ref _snapshot) is { } known && known.Version == version) return known.Sandboxes;
            ImmutableArray<SandboxState> states = [.. _sandboxes.Values.Select(s => s.State).OrderBy(s => s.CreatedAt).ThenBy(s => s.Id, StringComparer.Ordinal)];
            Volatile.Write(ref _snapshot, new Snapshot(version, states));
            return states;
        }
    }

    public ChannelReader<RuntimeEvent> Events => _events.Reader;

    /// <summary>What was done so far; only what happens inside one call is counted here, see <see cref="MeasuredRuntime"/>.</summary>
    public RuntimeOperations Operations { get; } = new();

    /// <summary>False where programs in memory are forbidden and holders run from a file.</summary>
    public bool HoldersRunFromSealedMemory => _holders.RunsFromSealedMemory;

    /// <summary>Makes the directories, finds what earlier agents left, and takes it over; then brings the network in line with it.</summary>
    public static async Task<NodeRuntime> OpenAsync(
        RuntimeSettings settings, PodCgroups cgroups, CgroupFs groups, IImageStore images, ISandboxNetwork network, TimeProvider time, ILogger<NodeRuntime> log,
        CancellationToken cancel)
    {
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        foreach (string directory in (string[])[settings.Paths.Run, settings.Paths.Data, .. settings.Runtimes.Select(r => r.Root)]) Directory.CreateDirectory(directory, mine);
        foreach (string part in (string[])["sandboxes", "containers", "netns", "tty"]) Directory.CreateDirectory(Path.Combine(settings.Paths.Run, part), mine);
        Directory.CreateDirectory(Path.Combine(settings.Paths.Data, "containers"), mine);
        // Whoever made it, and with whatever mode: holders' sockets are behind it.
        File.SetUnixFileMode(settings.Paths.Run, mine);

        NodeRuntime runtime = new(settings, cgroups, groups, images, network, time, log);
        if (settings.Security.HasAppArmor && await AppArmorProfiles.LoadDefaultAsync(settings.Paths.Run, cancel) is { } cause) runtime.AppArmorProfileMissing(AppArmorProfiles.Default, cause);
        try
        {
            Task networks = network.ReadAsync(cancel);      // while holders answer
            RuntimeRecovery recovery = new(settings, runtime._launcher, runtime._ends, runtime._pump, runtime._containers, runtime.Changed, time, log);
            foreach (Sandbox sandbox in await recovery.RecoverAsync(cancel)) runtime._sandboxes[sandbox.Id] = sandbox;
            runtime.Changed();
            await networks;
            await network.ReconcileAsync([.. runtime._sandboxes.Values.Where(s => s.Record.Ready && !s.Record.HostNetwork).Select(s => s.Id)], cancel);
            // Before anybody is told that this node serves: kubeadm asks its new API server as soon as it hears that, and must not reach the former one.
            await Task.WhenAll(runtime._sandboxes.Values.Where(s => s.Holder is not null && !runtime.IsWhole(s.Id)).Select(s => runtime.EndBereftAsync(s, cancel)));
            return runtime;
        }
        catch
        {
            await runtime.DisposeAsync();
            throw;
        }
    }

    public async Task<SandboxState> CreateSandboxAsync(SandboxSpec spec, CancellationToken cancel)
    {
        (SandboxRecord record, HolderConnection holder) = await _launcher.LaunchAsync(spec, cancel);
        Sandbox sandbox = new(record, [], Changed) { Holder = holder };
        _sandboxes[record.Id] = sandbox;
        sandbox.Pump = _pump.PumpAsync(sandbox, holder);
        Changed();
        SandboxCreated(record.PodNamespace, record.PodName, record.Id, record.Attempt);
        return sandbox.State;
    }

    public bool IsWhole(string sandboxId)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox) || !PodDirectory.IsGone(_settings.Paths, sandbox.Record.PodUid)) return true;
        SandboxBereft(sandbox.Record.PodNamespace, sandbox.Record.PodName, _settings.Paths.PodDirectory(sandbox.Record.PodUid));
        sandbox.Bereft = true;
        Save(sandbox, r => r with { Ready = false });
        return false;
    }

    private async Task EndBereftAsync(Sandbox sandbox, CancellationToken cancel)
    {
        foreach (ContainerRecord container in sandbox.Containers.Values)
            try
            {
                await StopContainerAsync(container.Id, TimeSpan.Zero, cancel);
            }
            catch (RuntimeException e)
            {
                BereftRunsOn(e.Message);
            }
    }

    public async Task StopSandboxAsync(string sandboxId, CancellationToken cancel)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox)) return;
        if (sandbox.Containers.Values.FirstOrDefault(c => c.Phase != ContainerPhase.Exited) is { } running)
            throw new RuntimeException("KillPodSandboxError", $"sandbox {sandboxId}: container {running.Name} runs in it; stop it first");
        SandboxRecord record = Save(sandbox, r => r with { Ready = false });
        try
        {
            sandbox.Leaving ??= sandbox.Holder;
            sandbox.Holder = null;
            if (!await _launcher.TakeDownAsync(record, sandbox.Leaving, cancel))
                throw new RuntimeException("KillPodSandboxError", $"sandbox {sandboxId}: processes in {record.CgroupParent} do not die");
        }
        catch (Exception e) when (e is IOException or ErrnoException)
        {
            throw new RuntimeException("KillPodSandboxError", $"sandbox {sandboxId} of pod {record.PodNamespace}/{record.PodName}: {e.Message}", e);
        }
        await sandbox.Pump.WaitAsync(cancel);
        sandbox.Leaving = null;
        sandbox.ExecsLost();
        SandboxStopped(record.PodNamespace, record.PodName, sandboxId);
    }

    public async Task RemoveSandboxAsync(string sandboxId, CancellationToken cancel)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox)) return;
        foreach (string container in sandbox.Containers.Keys) await RemoveContainerAsync(container, cancel);
        MountPoint.Detach(SandboxFiles.Of(_settings.Paths, sandboxId).Shm);
        DirectoryHandle.DeleteTree(_settings.Paths.SandboxDirectory(sandboxId));
        _sandboxes.TryRemove(sandboxId, out _);
        Changed();
    }

    public async Task<ContainerState> StartContainerAsync(ContainerStart start, CancellationToken cancel)
    {
        if (!_sandboxes.TryGetValue(start.SandboxId, out Sandbox? sandbox))
            throw new RuntimeException("CreateContainerError", $"container {start.Container.Name}: sandbox {start.SandboxId} is gone");
        TaskCompletionSource settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        string? id = null;
        try
        {
            ContainerRecord running = await _containers.StartAsync(
                sandbox, start,
                record =>
                {
                    if (id is null) sandbox.Starting[id = record.Id] = settled.Task;
                    sandbox.Set(record);
                },
                cancel);
            ContainerStarted(running.PodNamespace, running.PodName, running.Name, running.Id, running.RestartCount);
            return running.ToState();
        }
        finally
        {
            if (id is not null) sandbox.Starting.TryRemove(id, out _);
            settled.SetResult();
        }
    }

    public async Task StopContainerAsync(string containerId, TimeSpan grace, CancellationToken cancel)
    {
        if (Find(containerId) is not ({ } sandbox, { Phase: not ContainerPhase.Exited } container)) return;
        Task end = sandbox.EndOf(containerId);
        // What it would write in its last seconds nobody could find; and kubeadm, which makes such pods, waits for the ports of the former ones.
        if (sandbox.Bereft) grace = TimeSpan.Zero;
        if (sandbox.Holder is { } holder && container.Phase == ContainerPhase.Running && grace > TimeSpan.Zero)
        {
            try
            {
                await holder.SignalAsync(containerId, null, container.StopSignal, cancel);
                await end.WaitAsync(grace, _time, cancel);
                return;
            }
            catch (TimeoutException)
            {
                // Told, and it did not listen.
            }
            catch (HolderException e)
            {
                StopSignalFailed(containerId, e.Message);
            }
        }
        try
        {
            if (sandbox.Holder is { } alive)
            {
                _groups.Kill(container.CgroupPath);
                await alive.SignalAsync(containerId, null, StopSignal.Kill, cancel);
                await end.WaitAsync(KillPatience, _time, cancel);
            }
            else await _ends.RecordLostAsync(sandbox, container);
        }
        catch (Exception e) when (e is TimeoutException or HolderException or ErrnoException or IOException)
        {
            throw new RuntimeException("KillContainerError",
                $"container {container.Name} of pod {container.PodNamespace}/{container.PodName}: {(e is TimeoutException ? "SIGKILL did not end it; a process is stuck in the kernel" : e.Message)}", e);
        }
    }

    public Task EndOfAsync(string containerId) => Find(containerId).Sandbox?.EndOf(containerId) ?? Task.CompletedTask;

    public async Task RemoveContainerAsync(string containerId, CancellationToken cancel)
    {
        if (Find(containerId) is not ({ } sandbox, { } container)) return;
        if (container.Phase != ContainerPhase.Exited) throw new RuntimeException("RemoveContainerError", $"container {containerId} runs; stop it first");
        if (sandbox.Clearing.TryGetValue(containerId, out Task? clearing)) await clearing.WaitAsync(cancel);
        ContainerFiles.RemoveLogs(_settings.Paths, container);
        // The record goes last: until then another try finds it.
        ContainerFiles files = new(_settings.Paths, containerId);
        AtomicFile.Remove(files.Record);
        await _containers.ClearAsync(files);
        AtomicFile.Remove(container.TerminationLog);
        AtomicFile.Remove(SandboxFiles.Of(_settings.Paths, sandbox.Id).ExitFile(containerId));
        sandbox.Forget(containerId);
    }

    public void Supersede(IReadOnlyCollection<string> containerIds)
    {
        foreach (Sandbox sandbox in _sandboxes.Values.OrderBy(s => s.Record.Attempt))
        {
            string[] own = [.. containerIds.Where(sandbox.Containers.ContainsKey)];
            if (own.Length > 0) Save(sandbox, r => r with { Superseded = [.. (r.Superseded ?? []).Where(sandbox.Containers.ContainsKey), .. own] });
        }
    }

    public Task ResizeAsync(PodResize resize, CancellationToken cancel) => _sandboxes.TryGetValue(resize.SandboxId, out Sandbox? sandbox)
        ? _resizer.ResizeAsync(sandbox, resize, cancel) : throw new RuntimeException("ResizePodInPlaceError", $"sandbox {resize.SandboxId} is gone");

    public Task<ExecSession> ExecAsync(ExecStart start, CancellationToken cancel) => Find(start.ContainerId) switch
    {
        ({ Holder: { } holder } sandbox, { Phase: ContainerPhase.Running } container) => _execs.StartAsync(sandbox, holder, container, start, cancel),
        _ => throw new RuntimeException("ExecFailed", $"container {start.ContainerId} does not run"),
    };

    public async Task<AttachSession> AttachAsync(AttachStart start, CancellationToken cancel)
    {
        if (Find(start.ContainerId) is not ({ Holder: { } holder } sandbox, { Phase: ContainerPhase.Running } container))
            throw new RuntimeException("AttachFailed", $"container {start.ContainerId} does not run");
        try
        {
            int client = await holder.AttachAsync(start.ContainerId, start.In, start.Out, start.Error, container.StdinOnce, cancel);
            return new AttachSession(
                sandbox.EndOf(start.ContainerId),
                (rows, columns, stop) => holder.ResizeAsync(start.ContainerId, rows, columns, stop),
                () => holder.DetachAsync(client, CancellationToken.None));
        }
        catch (HolderException e)
        {
            throw new RuntimeException("AttachFailed", $"container {container.Name} of pod {container.PodNamespace}/{container.PodName}: {e.Message}", e);
        }
    }

    public Task<Socket> DialAsync(string sandboxId, int port, CancellationToken cancel) => _sandboxes.TryGetValue(sandboxId, out Sandbox? sandbox)
        ? _dialer.DialAsync(sandbox.Record, port, cancel) : throw new RuntimeException("PortForwardFailed", $"sandbox {sandboxId} is gone");

    /// <summary>Everything runs on; the next agent finds it.</summary>
    public async ValueTask DisposeAsync()
    {
        _events.Writer.TryComplete();
        foreach (Sandbox sandbox in _sandboxes.Values)
            if (sandbox.Holder is { } holder) await holder.DisposeAsync();
        await Task.WhenAll(_sandboxes.Values.Select(s => s.Pump));
        _holders.Dispose();
    }

    /// <summary>A sandbox of an earlier boot has no file any more: what is known of it follows from its containers.</summary>
    private SandboxRecord Save(Sandbox sandbox, Func<SandboxRecord, SandboxRecord> change) => Directory.Exists(_settings.Paths.SandboxDirectory(sandbox.Id))
        ? sandbox.Save(SandboxFiles.Of(_settings.Paths, sandbox.Id), change) : sandbox.Update(change);

    private (Sandbox? Sandbox, ContainerRecord? Container) Find(string containerId)
    {
        foreach (Sandbox sandbox in _sandboxes.Values)
            if (sandbox.Find(containerId) is { } container) return (sandbox, container);
        return (null, null);
    }

    private void Changed() => Interlocked.Increment(ref _version);

    private void Publish(RuntimeEvent what) => _events.Writer.TryWrite(what);

    private sealed record Snapshot(long Version, ImmutableArray<SandboxState> Sandboxes);

    [LoggerMessage(LogLevel.Error, "BereftRunsOn: {Cause}; its pod's worker tries again")]
    private partial void BereftRunsOn(string cause);

    [LoggerMessage(LogLevel.Warning, "SandboxBereft pod={Namespace}/{Pod}: somebody removed {Directory}; the pod is ended, and made anew where it is wanted")]
    private partial void SandboxBereft(string @namespace, string pod, string directory);

    [LoggerMessage(Level = LogLevel.Information, Message = "sandbox created: {PodNamespace}/{PodName} {SandboxId}, attempt {Attempt}")]
    private partial void SandboxCreated(string podNamespace, string podName, string sandboxId, int attempt);

    [LoggerMessage(Level = LogLevel.Information, Message = "sandbox stopped: {PodNamespace}/{PodName} {SandboxId}")]
    private partial void SandboxStopped(string podNamespace, string podName, string sandboxId);

    [LoggerMessage(Level = LogLevel.Information, Message = "container started: {PodNamespace}/{PodName}/{Container} {ContainerId}, restart {RestartCount}")]
    private partial void ContainerStarted(string podNamespace, string podName, string container, string containerId, int restartCount);

    [LoggerMessage(Level = LogLevel.Warning, Message = "AppArmor profile {Profile} is not loaded, so containers that do not ask for it run without: {Cause}")]
    private partial void AppArmorProfileMissing(string profile, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "stop signal did not reach container {ContainerId}, so it is killed: {Cause}")]
    private partial void StopSignalFailed(string containerId, string cause);
}
