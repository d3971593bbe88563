using System.Collections.Concurrent;
using System.Collections.Immutable;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>
/// One sandbox as this agent holds it: its record, its containers' records and the connection to its holder. The pod's
/// worker and the holder's events change it side by side; every change is one step under the lock.
/// </summary>
internal sealed class Sandbox(SandboxRecord record, IEnumerable<ContainerRecord> containers, Action changed)
{
    private readonly Lock _gate = new(), _saving = new();
    private readonly Dictionary<string, TaskCompletionSource> _ends = [];
    private readonly Dictionary<(string Container, string Exec), TaskCompletionSource<int>> _execs = [];
    private ImmutableDictionary<string, ContainerRecord> _containers = containers.ToImmutableDictionary(c => c.Id);
    private SandboxRecord _record = record;
    private SandboxState? _state;

    public SandboxRecord Record => Volatile.Read(ref _record);

    public string Id => Record.Id;

    /// <summary>Null once the holder is known to be dead, and for sandboxes of an earlier boot.</summary>
    public HolderConnection? Holder { get; set; }

    /// <summary>
    /// The connection to a holder that is being ended. It is kept until all is taken down: a stop that breaks off, as where the pod's
    /// deletion overtakes it, leaves the holder to the next one.
    /// </summary>
    public HolderConnection? Leaving { get; set; }

    /// <summary>Somebody removed the pod's directory: what runs is killed without grace.</summary>
    public bool Bereft { get; set; }

    /// <summary>Ends when the holder's last event has been handled.</summary>
    public Task Pump { get; set; } = Task.CompletedTask;

    public ImmutableDictionary<string, ContainerRecord> Containers => Volatile.Read(ref _containers);

    /// <summary>Starts under way, by container ID: an exit that overtakes its start waits for it, so that each record has its turn.</summary>
    public ConcurrentDictionary<string, Task> Starting { get; } = new();

    /// <summary>What of ended containers is still being cleared away, by container ID.</summary>
    public ConcurrentDictionary<string, Task> Clearing { get; } = new();

    public SandboxState State
    {
        get
        {
            lock (_gate)
                return _state ??= new SandboxState(
                    _record.Id, _record.PodUid, _record.PodName, _record.PodNamespace, _record.Attempt, _record.Ready, _record.HostNetwork, _record.Ips,
                    _record.CreatedAt, [.. _containers.Values.OrderBy(c => c.CreatedAt).ThenBy(c => c.Id, StringComparer.Ordinal).Select(StateOf)])
                { Granted = PodAllocation.TryParse(_record.Granted), Resizing = _record.Resizing, UsersPid = _record.UserRange is null ? null : _record.PausePid };
        }
    }

    private ContainerState StateOf(ContainerRecord container)
    {
        ContainerState state = container.ToState();
        if (_record.Resized?.GetValueOrDefault(container.Id) is { } since) state = state with { Amounts = since };
        return _record.Superseded?.Contains(container.Id) == true ? state with { Superseded = true } : state;
    }

    /// <summary>Changes the record here and in its file: one after the other, so that the file's last state is the newest.</summary>
    public SandboxRecord Save(SandboxFiles files, Func<SandboxRecord, SandboxRecord> change)
    {
        lock (_saving)
        {
            SandboxRecord record = Update(change);
            files.Write(record);
            return record;
        }
    }

    public SandboxRecord Update(Func<SandboxRecord, SandboxRecord> change)
    {
        lock (_gate)
        {
            _record = change(_record);
            _state = null;
        }
        changed();
        return Record;
    }

    public ContainerRecord? Find(string containerId) => Containers.GetValueOrDefault(containerId);

    /// <summary>Adds or replaces a record; whoever waits for its end is told when it has one.</summary>
    public void Set(ContainerRecord container)
    {
        TaskCompletionSource? ended = null;
        lock (_gate)
        {
            _containers = _containers.SetItem(container.Id, container);
            _state = null;
            if (container.Phase == ContainerPhase.Exited) _ends.Remove(container.Id, out ended);
        }
        changed();
        ended?.TrySetResult();
    }

    public void Forget(string containerId)
    {
        lock (_gate)
        {
            _containers = _containers.Remove(containerId);
            _state = null;
        }
        changed();
    }

    /// <summary>Completes when the container has a recorded end; at once when it has, or is not known.</summary>
    public Task EndOf(string containerId)
    {
        lock (_gate)
        {
            if (!_containers.TryGetValue(containerId, out ContainerRecord? container) || container.Phase == ContainerPhase.Exited) return Task.CompletedTask;
            if (!_ends.TryGetValue(containerId, out TaskCompletionSource? end)) _ends[containerId] = end = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return end.Task;
        }
    }

    /// <summary>Completes with the exit code of an exec that is about to be started.</summary>
    public Task<int> ExitOf(string containerId, string execId)
    {
        lock (_gate)
        {
            if (!_execs.TryGetValue((containerId, execId), out TaskCompletionSource<int>? exit))
                _execs[(containerId, execId)] = exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return exit.Task;
        }
    }

    public void ExecEnded(string containerId, string execId, int code)
    {
        TaskCompletionSource<int>? exit;
        lock (_gate) _execs.Remove((containerId, execId), out exit);
        exit?.TrySetResult(code);
    }

    /// <summary>Nobody will hear of the execs any more: their ends are lost.</summary>
    public void ExecsLost()
    {
        TaskCompletionSource<int>[] lost;
        lock (_gate)
        {
            lost = [.. _execs.Values];
            _execs.Clear();
        }
        foreach (TaskCompletionSource<int> exit in lost) exit.TrySetResult(LostExit);
    }

    /// <summary>What is reported where nobody saw how a process ended.</summary>
    public const int LostExit = 255;
}
