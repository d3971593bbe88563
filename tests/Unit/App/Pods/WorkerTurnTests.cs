using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Pods;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class WorkerTurnTests
{
    [Fact]
    public void Turns_count_without_the_sleep_between_them_by_what_they_turn_out_to_be_for()
    {
        FakeTimeProvider time = new();
        PodMeasures measures = new();
        WorkerTurn turn = new(measures.Turns, time);

        time.Advance(TimeSpan.FromHours(1));
        turn.Begin("create");
        Work(2);
        time.Advance(TimeSpan.FromHours(1));
        turn.Begin("sync");
        Work(0.5);
        turn.Begin("sync");
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
