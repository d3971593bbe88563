using NativeKubelet.Core.Stats;

namespace NativeKubelet.Pods;

/// <summary>Times the turns of one worker, from what woke it to its next sleep; the first is the pod's creation here.</summary>
internal sealed class WorkerTurn(HistogramFamily durations, TimeProvider time)
{
    private long _begun = time.GetTimestamp();
    private string _what = "create";

    public void Begin() => (_begun, _what) = (time.GetTimestamp(), "sync");

    /// <summary>A turn that began without knowing has found out what it is for.</summary>
    public void Is(string what) => _what = what;

    public void End() => durations.Of(_what).Observe(time.GetElapsedTime(_begun));
}
