using System.Threading.Channels;
using NativeKubelet.Runtime;

namespace NativeKubelet.Pods;

/// <summary>
/// Tells the workers that something about their pod changed. An event carries no truth: the worker looks at the runtime's
/// snapshot itself, at once, without any collecting of events. The slow comparison is a safety net for an event that got
/// lost; on a healthy node it never finds anything.
/// </summary>
internal sealed class Pleg(IContainerRuntime runtime, PodWorkers workers, LoopTurns turns, TimeProvider time)
{
    public static readonly TimeSpan SafetyNet = TimeSpan.FromSeconds(60);

    private readonly LoopTurns.Loop _reading = turns.Add("PLEG"), _comparing = turns.Add("relist", SafetyNet);

    public RelistMeasures Measures { get; } = new(time);

    public Task RunAsync(CancellationToken cancel) => Loops.TogetherAsync(cancel, ReadAsync, CompareAsync);

    private async Task ReadAsync(CancellationToken cancel)
    {
        try
        {
            await foreach (RuntimeEvent happened in runtime.Events.ReadAllAsync(cancel))
            {
                _reading.Begin();
                workers.Wake(happened.PodUid);
                _reading.End();
            }
        }
        catch (ChannelClosedException)
        {
            // The runtime lets go of everything; so does the agent.
        }
    }

    private async Task CompareAsync(CancellationToken cancel)
    {
        using PeriodicTimer timer = new(SafetyNet, time);
        while (await timer.WaitForNextTickAsync(cancel))
        {
            _comparing.Begin();
            Measures.Begin();
            workers.WakeUnaware(runtime.Sandboxes);
            Measures.End();
            _comparing.End();
        }
    }
}
