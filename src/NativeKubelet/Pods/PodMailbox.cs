using NativeKubelet.Core.Pods;

namespace NativeKubelet.Pods;

/// <summary>
/// What others have to say to a pod's worker, from any thread, without ever waiting for it: one merged intent (the newest spec
/// wins, a stop stays and only gets sharper), an eviction, two marks, and a bell. A stop cancels the step that the worker is at.
/// </summary>
internal sealed class PodMailbox(PodIntent first)
{
    private readonly WakeUp _bell = new();
    private readonly Lock _gate = new();
    private PodIntent _desired = first;      // immutable, swapped whole under _gate
    private CancellationTokenSource? _step;  // of the step in progress, under _gate
    private PodFailure? _eviction;
    private int _imagesCame;
    private int _objectsChanged = 1;         // while no agent looked

    public PodIntent Desired => Volatile.Read(ref _desired);

    /// <summary>Completes at the first ring since <see cref="Look"/>.</summary>
    public Task Rung => _bell.Rung;

    public void Ring() => _bell.Ring();

    /// <summary>To be called before the worker looks at the world: whatever changed before is seen, and what changes later rings again.</summary>
    public void Look() => _bell.Reset();

    public void Post(Func<PodIntent, PodIntent> change)
    {
        lock (_gate)
        {
            PodIntent before = _desired;
            PodIntent after = change(before);
            if (ReferenceEquals(before, after)) return;
            Volatile.Write(ref _desired, after);
            // Its callbacks run elsewhere: whoever asks for a stop does not wait for what it cancels.
            if (after.Stop != before.Stop) _ = _step?.CancelAsync();
        }
        _bell.Ring();
    }

    /// <summary>Why the pod is to be evicted; the first who says so is heard. Null: nobody has.</summary>
    public PodFailure? Eviction => Volatile.Read(ref _eviction);

    public void Evict(PodFailure failure)
    {
        if (Interlocked.CompareExchange(ref _eviction, failure, null) is null) _bell.Ring();
    }

    public void ImagesCame()
    {
        Interlocked.Exchange(ref _imagesCame, 1);
        _bell.Ring();
    }

    public void ObjectsChanged()
    {
        MarkObjects();
        _bell.Ring();
    }

    /// <summary>As if objects had changed, for a worker that is awake anyway.</summary>
    public void MarkObjects() => Interlocked.Exchange(ref _objectsChanged, 1);

    public bool TakeImages() => Interlocked.Exchange(ref _imagesCame, 0) == 1;

    public bool TakeObjects() => Interlocked.Exchange(ref _objectsChanged, 0) == 1;

    /// <returns>False when a stop came since the step was decided on: it is not to be begun.</returns>
    public bool TryBegin(PodIntent decided, CancellationTokenSource step)
    {
        lock (_gate)
        {
            if (_desired.Stop != decided.Stop) return false;
            _step = step;
            return true;
        }
    }

    public void Ended()
    {
        lock (_gate) _step = null;
    }
}
