using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Pods;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class WorkerTurnTests
{
    [Fact]
    public void The_first_turn_is_the_creation_and_sleep_between_turns_does_not_count()
    {
        FakeTimeProvider time = new();
        PodMeasures measures = new();
        WorkerTurn turn = new(measures.Turns, time);

        Work(2);
        time.Advance(TimeSpan.FromHours(1));
        turn.Begin();
        Work(0.5);
        turn.Begin();
        turn.Is("update");
        Work(4);

        Exposition page = HistogramTests.Read(measures.Write);
        Assert.Equal((2, 0.5, 4), (Sum("create"), Sum("sync"), Sum("update")));

        void Work(double seconds)
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            turn.End();
        }

        double Sum(string kind) => page.Value("kubelet_pod_worker_duration_seconds_sum", $"operation_type=\"{kind}\"");
    }
}
