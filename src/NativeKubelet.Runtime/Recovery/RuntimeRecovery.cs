using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Recovery;

/// <summary>
/// Finds again what earlier agents made, and believes only what can be seen: a sandbox lives while its holder answers, a
/// container while the holder holds it. The rest ended, and is recorded so. After a reboot RUN is empty, and the durable
/// records of DATA alone tell which containers there were.
/// </summary>
internal sealed partial class RuntimeRecovery(
    RuntimeSettings settings, SandboxLauncher launcher, ContainerEnds ends, SandboxEvents pump, ContainerLauncher containers, Action changed, TimeProvider time,
    ILogger log)
{
    private const int AtOnce = 16;

    public async Task<ImmutableArray<Sandbox>> RecoverAsync(CancellationToken cancel)
    {
        ILookup<string, ContainerRecord> records = Read("container", Path.Combine(settings.Paths.Data, "containers"), ContainerRecord.TryParse)
            .ToLookup(r => r.SandboxId);
        ImmutableArray<SandboxRecord> sandboxes = Read("sandbox", Path.Combine(settings.Paths.Run, "sandboxes"), SandboxRecord.TryParse);
        List<Sandbox> found = [];
        List<(Sandbox Sandbox, HolderConnection? Holder)> connected = [];
        foreach (SandboxRecord record in sandboxes) found.Add(new Sandbox(record, records[record.Id], changed));
        HashSet<string> known = [.. sandboxes.Select(s => s.Id)];
        found.AddRange(records.Where(g => !known.Contains(g.Key)).Select(g => new Sandbox(Gone(g.First()), g, changed)));

        using SemaphoreSlim turns = new(AtOnce);
        await Task.WhenAll(found.Select(async sandbox =>
        {
            await turns.WaitAsync(cancel);
            try
            {
                await TakeOverAsync(sandbox, cancel);
            }
            finally
            {
                turns.Release();
            }
        }));
        RemoveStrays([.. found.SelectMany(s => s.Containers.Keys)]);
        RemoveStraySandboxes(known);
        return [.. found.Where(s => s.Record.PodUid.Length > 0 && (s.Record.PausePid > 0 || !s.Containers.IsEmpty))];
    }

    private async Task TakeOverAsync(Sandbox sandbox, CancellationToken cancel)
    {
        SandboxFiles files = SandboxFiles.Of(settings.Paths, sandbox.Id);
        HolderConnection? holder = await ConnectAsync(files, sandbox.Id, cancel);
        if (holder is null || sandbox.Record.PausePid == 0)
        {
            // No holder, or an agent died before its sandbox was whole: nothing of it can be used.
            await pump.HolderGoneAsync(sandbox);
            sandbox.Holder = holder;
            if (sandbox.Record.PausePid == 0 && sandbox.Containers.IsEmpty) await DropAsync(sandbox, holder);
            return;
        }
        sandbox.Holder = holder;
        IReadOnlyList<HolderEntry> held = await holder.ListAsync(cancel);
        foreach (ContainerRecord container in sandbox.Containers.Values.Where(c => c.Phase != ContainerPhase.Exited))
        {
            HolderEntry? entry = held.FirstOrDefault(e => e.ContainerId == container.Id && e.ExecId.Length == 0);
            switch (entry?.State)
            {
                case HolderProcessState.Running when container.Phase != ContainerPhase.Running:
                    sandbox.Set(container with { Phase = ContainerPhase.Running, Pid = entry.Pid, StartedAt = container.StartedAt ?? time.GetUtcNow() });
                    break;
                case null when container.Phase == ContainerPhase.Created:
                    // Prepared, never asked for: no attempt that anybody has to hear of.
                    await containers.ClearAsync(Forget(sandbox, container));
                    break;
                case null:
                    await ends.RecordLostAsync(sandbox, container);
                    break;
            }
        }
        if (holder.PausePid == 0 && sandbox.Record.Ready) sandbox.Save(files, r => r with { Ready = false });
        sandbox.Pump = pump.PumpAsync(sandbox, holder);
        SandboxTakenOver(sandbox.Record.PodNamespace, sandbox.Record.PodName, sandbox.Id, sandbox.Containers.Count);
    }

    private ContainerFiles Forget(Sandbox sandbox, ContainerRecord container)
    {
        ContainerFiles files = new(settings.Paths, container.Id);
        AtomicFile.Remove(files.Record);
        sandbox.Forget(container.Id);
        return files;
    }

    private async Task<HolderConnection?> ConnectAsync(SandboxFiles files, string id, CancellationToken cancel)
    {
        try
        {
            return File.Exists(files.Socket) ? await HolderConnection.ConnectAsync(files.Socket, cancel) : null;
        }
        catch (Exception e) when (e is HolderException or ErrnoException or IOException)
        {
            HolderUnusable(id, e.Message);
            return null;
        }
    }

    private async Task DropAsync(Sandbox sandbox, HolderConnection? holder)
    {
        try
        {
            await launcher.TakeDownAsync(sandbox.Record, holder, CancellationToken.None);
            DirectoryHandle.DeleteTree(settings.Paths.SandboxDirectory(sandbox.Id));
        }
        catch (Exception e) when (e is IOException or ErrnoException or RuntimeException)
        {
            HolderUnusable(sandbox.Id, e.Message);
        }
    }

    /// <summary>Stands for a sandbox that a reboot took, so that its containers' ends are still told.</summary>
    private static SandboxRecord Gone(ContainerRecord container) => new(
        SandboxRecord.CurrentVersion, container.SandboxId, container.PodUid, container.PodName, container.PodNamespace, container.SandboxAttempt, container.BootId,
        "", Path.GetDirectoryName(container.CgroupPath) ?? "/", "host", false, false, false, 0, 0, false, [], container.CreatedAt);

    private ImmutableArray<T> Read<T>(string what, string directory, ParseRecord<T> parse) where T : class
    {
        ImmutableArray<T>.Builder read = ImmutableArray.CreateBuilder<T>();
        foreach (string place in Directory.GetDirectories(directory))
        {
            string file = Path.Combine(place, "record.json");
            if (!File.Exists(file)) continue;
            if (parse(File.ReadAllBytes(file)) is { } record) read.Add(record);
            else RecordUnreadable(what, AtomicFile.SetAside(file));
        }
        return read.DrainToImmutable();
    }

    /// <summary>Bundles and writable layers without a record: an agent died before it wrote one, or while it removed the container.</summary>
    private void RemoveStrays(HashSet<string> known)
    {
        foreach (string place in (string[])[.. Directory.GetDirectories(Path.Combine(settings.Paths.Data, "containers")), .. Directory.GetDirectories(Path.Combine(settings.Paths.Run, "containers")),
            .. Directory.Exists(settings.Paths.UsersRun) ? Directory.GetDirectories(settings.Paths.UsersRun) : []])
        {
            string id = Path.GetFileName(place);
            if (known.Contains(id) || File.Exists(Path.Combine(place, "record.json.corrupt"))) continue;
            known.Add(id);
            _ = containers.ClearAsync(new ContainerFiles(settings.Paths, id));
        }
    }

    /// <summary>
    /// Sandboxes' directories without a record: an agent died before it wrote one, when there was no holder yet, or while it
    /// deleted them, when there was none any more.
    /// </summary>
    private void RemoveStraySandboxes(HashSet<string> known)
    {
        foreach (string place in Directory.GetDirectories(Path.Combine(settings.Paths.Run, "sandboxes")))
        {
            string id = Path.GetFileName(place);
            if (known.Contains(id) || File.Exists(Path.Combine(place, "record.json.corrupt"))) continue;
            try
            {
                MountPoint.Detach(SandboxFiles.Of(settings.Paths, id).Shm);
                DirectoryHandle.DeleteTree(place);
            }
            catch (Exception e) when (e is IOException or ErrnoException)
            {
                StrayKept(place, e.Message);
            }
        }
    }

    private delegate T? ParseRecord<T>(ReadOnlySpan<byte> json);

    [LoggerMessage(Level = LogLevel.Information, Message = "sandbox taken over: {PodNamespace}/{PodName} {SandboxId} with {Containers} containers")]
    private partial void SandboxTakenOver(string podNamespace, string podName, string sandboxId, int containers);

    [LoggerMessage(Level = LogLevel.Error, Message = "holder of sandbox {SandboxId} cannot be used: {Cause}")]
    private partial void HolderUnusable(string sandboxId, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Directory} was left of a sandbox by an earlier agent and cannot be removed: {Cause}; the next start tries again")]
    private partial void StrayKept(string directory, string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "record of a {What} cannot be read and was set aside as {File}")]
    private partial void RecordUnreadable(string what, string file);
}
