using NativeKubelet.Core.Stats;

namespace NativeKubelet.Pods;

/// <summary>Times the turns of one worker, from what woke it to its next sleep; the first is the pod's creation here, from when its place is free.</summary>
internal sealed class WorkerTurn(HistogramFamily durations, TimeProvider time)
{
    private long _begun;
    private string _what = "";

    public void Begin(string what) => (_begun, _what) = (time.GetTimestamp(), what);

    /// <summary>A turn that began without knowing has found out what it is for.</summary>
    public void Is(string what) => _what = what;

    public void End() => durations.Of(_what).Observe(time.GetElapsedTime(_begun));
}
