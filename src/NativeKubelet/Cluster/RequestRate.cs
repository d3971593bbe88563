using NativeKubelet.Core.Resources;

namespace NativeKubelet.Cluster;

/// <summary>Lets requests begin as often as a limit allows, in the order in which they came.</summary>
public sealed class RequestRate(RateLimit limit, TimeProvider time)
{
    private readonly Lock _gate = new();
    private TimeSpan _due = TimeSpan.MinValue;

    /// <summary>As client-go takes what KubeletConfiguration says.</summary>
    /// <param name="perSecond">0: its default of 5; below: no limit.</param>
    public static RateLimit Of(int perSecond, int burst) => new(perSecond == 0 ? 5 : perSecond, burst == 0 ? 10 : burst);

    /// <summary>Returns when one more may begin; who gives up has used up his turn.</summary>
    /// <returns>How long that took.</returns>
    public async ValueTask<TimeSpan> WaitAsync(CancellationToken cancel)
    {
        TimeSpan wait;
        lock (_gate) wait = limit.Take(ref _due, time.GetElapsedTime(0));
        if (wait > TimeSpan.Zero) await Task.Delay(wait, time, cancel);
        return wait;
    }
}
