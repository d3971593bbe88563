using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Status;

/// <summary>A pod as its worker last told of it.</summary>
public sealed record PodView(V1Pod Pod, PodStatus Status)
{
    /// <summary>The pod holds nothing of the node any more and never will: its object may go when it is deleted.</summary>
    public bool Released { get; init; }

    public string Uid => Pod.Metadata.Uid;

    public string Name => Pod.Metadata.Name;

    public string Namespace => Pod.Metadata.NamespaceProperty;
}

/// <summary>
/// What the world may know of this node's pods, and a bell that rings when any of it changes. Written by the pods'
/// workers, each its own pod; read by everybody without waiting.
/// </summary>
public sealed class StatusBoard
{
    private readonly Lock _gate = new();
    private BoardSnapshot _now = new(0, ImmutableDictionary<string, PodView>.Empty);
    private TaskCompletionSource _changed = New();

    public BoardSnapshot Now => Volatile.Read(ref _now);

    /// <summary>Equal statuses of the same pod ring no bell.</summary>
    public void Publish(PodView view) => Change(pods =>
        pods.TryGetValue(view.Uid, out PodView? before) && before.Status == view.Status && before.Released == view.Released && ReferenceEquals(before.Pod, view.Pod)
            ? pods : pods.SetItem(view.Uid, view));

    public void Remove(string uid) => Change(pods => pods.Remove(uid));

    /// <returns>The first snapshot later than <paramref name="version"/>.</returns>
    public async Task<BoardSnapshot> NextAsync(long version, CancellationToken cancel)
    {
        while (true)
        {
            Task changed = Volatile.Read(ref _changed).Task;
            BoardSnapshot now = Now;
            if (now.Version > version) return now;
            await changed.WaitAsync(cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Completes with the first snapshot later than <paramref name="version"/>, or with the other bell.</summary>
    public async Task NextOrAsync(long version, Task other, CancellationToken cancel)
    {
        using CancellationTokenSource next = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(other, NextAsync(version, next.Token));
        await next.CancelAsync();
        cancel.ThrowIfCancellationRequested();
    }

    private void Change(Func<ImmutableDictionary<string, PodView>, ImmutableDictionary<string, PodView>> change)
    {
        TaskCompletionSource ring;
        lock (_gate)
        {
            ImmutableDictionary<string, PodView> pods = change(_now.Pods);
            if (ReferenceEquals(pods, _now.Pods)) return;
            Volatile.Write(ref _now, new(_now.Version + 1, pods));
            ring = _changed;
            Volatile.Write(ref _changed, New());
        }
        ring.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <param name="Version">Grows with every change; 0 before the first.</param>
/// <param name="Pods">By UID.</param>
public sealed record BoardSnapshot(long Version, ImmutableDictionary<string, PodView> Pods);
