using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>Turns what one holder tells into records, in the order in which it happened, and acknowledges what is recorded.</summary>
internal sealed partial class SandboxEvents(
    RuntimeSettings settings, PodCgroups cgroups, SandboxLauncher launcher, ContainerEnds ends, Action<RuntimeEvent> publish, TimeProvider time, ILogger log)
{
    public async Task PumpAsync(Sandbox sandbox, HolderConnection holder)
    {
        try
        {
            await foreach (HolderEvent told in holder.Events.ReadAllAsync())
                await HandleAsync(sandbox, holder, told);
        }
        catch (Exception e)
        {
            // Whatever it was, this sandbox must not look alive while nobody listens to it.
            PumpFailed(sandbox.Id, e);
            await HolderGoneAsync(sandbox);
        }
    }

    /// <summary>The sandbox has no holder any more: everything that ran in it ends, and what is known of the ends is recorded.</summary>
    public async Task HolderGoneAsync(Sandbox sandbox)
    {
        sandbox.Holder = null;
        sandbox.ExecsLost();
        foreach (ContainerRecord container in sandbox.Containers.Values.Where(c => c.Phase != ContainerPhase.Exited))
        {
            if (sandbox.Starting.TryGetValue(container.Id, out Task? start)) await start;
            if (sandbox.Find(container.Id) is { Phase: not ContainerPhase.Exited } lost) await ends.RecordLostAsync(sandbox, lost);
        }
        await cgroups.RemoveLeafAsync(launcher.LeafOf(sandbox.Record.CgroupParent, sandbox.Id), CancellationToken.None);
        Died(sandbox);
    }

    private async Task HandleAsync(Sandbox sandbox, HolderConnection holder, HolderEvent told)
    {
        switch (told)
        {
            case ContainerExited exited:
                if (sandbox.Starting.TryGetValue(exited.ContainerId, out Task? start)) await start;
                if (sandbox.Find(exited.ContainerId) is { Phase: not ContainerPhase.Exited } container)
                    await ends.RecordAsync(sandbox, container, exited.Exit);
                break;
            case ExecExited exec:
                sandbox.ExecEnded(exec.ContainerId, exec.ExecId, exec.Exit.Code);
                break;
            case LateStart { ExecId.Length: 0 } late:
                LateStarted(sandbox, late);
                break;
            case PauseExited:
                Died(sandbox);
                break;
            case LogDropped dropped:
                RecordsDropped(dropped.ContainerId, dropped.Records, new ErrnoException("write", "log", dropped.Errno).Message);
                break;
            case HolderLost lost:
                await LostAsync(sandbox, holder, lost);
                return;
        }
        // What is recorded may be known; only the holder's forgetting has to wait for an answer.
        if (told is ContainerExited { ContainerId: var id }) publish(new(sandbox.Record.PodUid, sandbox.Id, id, RuntimeEventKind.ContainerExited));
        if (told.Id != 0) await AcknowledgeAsync(holder, told.Id);
    }

    /// <summary>Asked for by an agent that did not live to see it.</summary>
    private void LateStarted(Sandbox sandbox, LateStart late)
    {
        if (sandbox.Find(late.ContainerId) is not { Phase: ContainerPhase.Created } created) return;
        ContainerRecord known = late.Result.Started
            ? created with { Phase = ContainerPhase.Running, Pid = late.Result.Pid, StartedAt = time.GetUtcNow() }
            : created.Ended(128, "StartError", late.Result.RuntimeError, time.GetUtcNow());
        new ContainerFiles(settings.Paths, known.Id).Write(known, durable: known.Phase == ContainerPhase.Exited);
        sandbox.Set(known);
    }

    private async Task LostAsync(Sandbox sandbox, HolderConnection holder, HolderLost lost)
    {
        // This agent let go of it, or told it to go.
        if (!lost.HolderDied || sandbox.Holder != holder) return;
        HolderDied(sandbox.Id, sandbox.Record.PodNamespace, sandbox.Record.PodName, holder.Process.Pid);
        await HolderGoneAsync(sandbox);
        await holder.DisposeAsync();
    }

    private void Died(Sandbox sandbox)
    {
        if (!sandbox.Record.Ready) return;
        sandbox.Save(SandboxFiles.Of(settings.Paths, sandbox.Id), r => r with { Ready = false });
        publish(new(sandbox.Record.PodUid, sandbox.Id, null, RuntimeEventKind.SandboxDied));
    }

    private static async Task AcknowledgeAsync(HolderConnection holder, ulong id)
    {
        try
        {
            await holder.AcknowledgeAsync(id, CancellationToken.None);
        }
        catch (Exception e) when (e is HolderException or ErrnoException or ObjectDisposedException)
        {
            // It tells again on the next connection; what is recorded already changes nothing then.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "events of sandbox {SandboxId} cannot be handled any more; it is given up")]
    private partial void PumpFailed(string sandboxId, Exception cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "holder died: sandbox {SandboxId} of pod {PodNamespace}/{PodName}, pid {Pid}; its containers end")]
    private partial void HolderDied(string sandboxId, string podNamespace, string podName, int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "log records dropped: {Records} of container {ContainerId} so far ({Cause})")]
    private partial void RecordsDropped(string containerId, long records, string cause);
}
