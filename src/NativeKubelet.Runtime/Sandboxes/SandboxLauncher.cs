using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Makes a pod's sandbox and takes it down: files, shared memory, holder, pause, namespaces, network.</summary>
internal sealed partial class SandboxLauncher(
    RuntimeSettings settings, HolderLauncher holders, PodCgroups cgroups, ISandboxNetwork network, TimeProvider time, ILogger log)
{
    private const long ShmBytes = 64 << 20;

    private readonly PodUsers? _users = settings.Security.Users is { } pool ? new(settings.Paths, pool) : null;

    /// <summary>How long a holder may take to end once everything it holds was told to.</summary>
    private static readonly TimeSpan QuitPatience = TimeSpan.FromSeconds(5);

    /// <returns>The record of a ready sandbox and the connection to its holder.</returns>
    /// <exception cref="RuntimeException">FailedCreatePodSandBox; what was made is taken away again.</exception>
    public async Task<(SandboxRecord Record, HolderConnection Holder)> LaunchAsync(SandboxSpec spec, CancellationToken cancel)
    {
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        SandboxFiles files = SandboxFiles.Of(settings.Paths, id);
        SandboxRecord record = new(
            SandboxRecord.CurrentVersion, id, spec.Uid, spec.Pod.Metadata.Name, spec.Pod.Metadata.NamespaceProperty, spec.Attempt, settings.BootId, spec.Hostname,
            cgroups.Of(spec.Pod).Path, spec.HostNetwork ? "host" : "pod", spec.HostIpc, spec.HostPid, spec.SharePid, 0, 0, false, [], time.GetUtcNow(), Granted: spec.Granted?.Format());
        HolderConnection? holder = null;
        try
        {
            if (settings.RuntimeOf(spec.Handler) is null)
                throw new RuntimeException("FailedCreatePodSandBox", $"runtime handler \"{spec.Handler}\" is not known to this node; name its program by --runtime-handler");
            record = record with { Handler = spec.Handler };
            if (UsersOf(spec) is { } users) record = record with { FirstUser = users.Host, Users = users.Length };
            WriteFiles(files, spec, record);
            cancel.ThrowIfCancellationRequested();
            holder = await holders.LaunchAsync(new HolderLaunch(files.Socket, []), cancel);
            await cgroups.PlaceHolderAsync(id, holder.Process.Pid, cancel);
            int pause = await holder.StartPauseAsync(
                new PauseRequest(Namespaces(spec), spec.HostNetwork ? null : spec.Hostname, SandboxSysctls.Of(spec), record.UserRange?.Map, record.UserRange?.Map, []), cancel);
            await cgroups.PlacePauseAsync(cgroups.Of(spec.Pod), id, pause, cancel);
            ImmutableArray<string> ips = [];
            record = record with { HolderPid = holder.Process.Pid, PausePid = pause };
            if (!spec.HostNetwork)
            {
                // Before the network is asked for: whatever dies from here on, the record says what has to be undone.
                files.Write(record);
                ips = await ConnectAsync(spec, record, cancel);
            }
            record = record with { Ips = ips, Ready = true };
            files.Write(record);
            return (record, holder);
        }
        catch (Exception e) when (e is not OperationCanceledException || cancel.IsCancellationRequested)
        {
            await UndoAsync(record, holder);
            if (e is RuntimeException or OperationCanceledException) throw;
            throw new RuntimeException("FailedCreatePodSandBox", $"sandbox of pod {record.PodNamespace}/{record.PodName}: {e.Message}", e);
        }
    }

    /// <summary>Network, namespaces, pause, holder and shared memory of a sandbox in which no container runs; whatever of it is there.</summary>
    /// <returns>False when a process would not go yet: ask again.</returns>
    public async Task<bool> TakeDownAsync(SandboxRecord record, HolderConnection? holder, CancellationToken cancel)
    {
        SandboxFiles files = SandboxFiles.Of(settings.Paths, record.Id);
        if (!record.HostNetwork)
        {
            await network.RemoveAsync(record.Id, cancel);
            NetworkNamespace.Unbind(settings.Paths.NetworkNamespace(record.Id));
        }
        if (holder is not null)
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            patience.CancelAfter(QuitPatience);
            try
            {
                await holder.QuitAsync(force: true, patience.Token);
            }
            catch (Exception e) when (e is HolderException or ErrnoException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                HolderDidNotQuit(record.Id, holder.Process.Pid, e.Message);
                holder.Process.TrySignal(9);
                await holder.Process.WaitForExitAsync(cancel);
            }
            await holder.DisposeAsync();
        }
        MountPoint.Detach(files.Shm);
        await cgroups.RemoveHolderAsync(record.Id, cancel);
        return await cgroups.RemoveLeafAsync(LeafOf(record.CgroupParent, record.Id), cancel);
    }

    /// <summary>The group of one of a pod's sandboxes or containers, below each hierarchy's root.</summary>
    public string LeafOf(string podGroup, string id) => $"{podGroup.TrimEnd('/')}/{cgroups.Tree.LeafName(id)}";

    private static PauseNamespaces Namespaces(SandboxSpec spec) =>
        (spec.HostNetwork ? PauseNamespaces.None : PauseNamespaces.Network | PauseNamespaces.Uts)
        | (spec.HostIpc ? PauseNamespaces.None : PauseNamespaces.Ipc)
        | (spec.OwnUsers ? PauseNamespaces.User : PauseNamespaces.None)
        | (spec.SharePid && !spec.HostPid ? PauseNamespaces.Pid : PauseNamespaces.None);

    private IdRange? UsersOf(SandboxSpec spec)
    {
        if (!spec.OwnUsers) return null;
        return _users?.Of(spec.Uid) ?? throw new RuntimeException("FailedCreatePodSandBox", "can't set `spec.hostUsers: false`, runtime does not support user namespaces: this kernel has none");
    }

    private static void WriteFiles(SandboxFiles files, SandboxSpec spec, SandboxRecord record)
    {
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const uint readable = 0x1A4;    // 0644: programs of any user in the pod read them
        Directory.CreateDirectory(files.Directory, mine);
        Directory.CreateDirectory(files.Exits, mine);
        files.Write(record);
        AtomicFile.Write(files.ResolvConf, Encoding.UTF8.GetBytes(spec.ResolvConf), readable, durable: false);
        AtomicFile.Write(files.Hostname, Encoding.UTF8.GetBytes(spec.Hostname + "\n"), readable, durable: false);
        if (spec.HostIpc) return;
        Directory.CreateDirectory(files.Shm);
        MountPoint.Tmpfs(files.Shm, new(ShmBytes, 0x3FF), MountAttributes.NoSetuid | MountAttributes.NoDevices | MountAttributes.NoExec);
        if (record.UserRange is not { } users) return;
        // Root in the pod owns what is bound into it, as everywhere.
        foreach (string file in (string[])[files.ResolvConf, files.Hostname, files.Shm]) OwnedFile.Give(file, users.Host);
    }

    private async Task<ImmutableArray<string>> ConnectAsync(SandboxSpec spec, SandboxRecord record, CancellationToken cancel)
    {
        string path = settings.Paths.NetworkNamespace(record.Id);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        NetworkNamespace.Bind(record.PausePid, path);
        return await network.AddAsync(
            new NetworkAttachment(
                record.Id, path, record.PodName, record.PodNamespace, record.PodUid, record.CgroupParent, spec.Ports,
                (spec.Pod.Metadata.Annotations ?? new Dictionary<string, string>()).ToImmutableDictionary()),
            cancel);
    }

    private async Task UndoAsync(SandboxRecord record, HolderConnection? holder)
    {
        try
        {
            await TakeDownAsync(record, holder, CancellationToken.None);
            DirectoryHandle.DeleteTree(settings.Paths.SandboxDirectory(record.Id));
        }
        catch (Exception e) when (e is IOException or ErrnoException or RuntimeException)
        {
            // The record stays, so the next start of the agent, or the pod's removal, finds what is left.
            UndoFailed(record.Id, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "holder {Pid} of sandbox {SandboxId} did not quit and was killed: {Cause}")]
    private partial void HolderDidNotQuit(string sandboxId, int pid, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "what was made of sandbox {SandboxId} could not be taken away: {Cause}")]
    private partial void UndoFailed(string sandboxId, string cause);
}
