using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class PodStartupTests
{
    private static readonly TimeSpan Total = TimeSpan.FromSeconds(100);

    [Fact]
    public void Pulls_and_init_containers_are_not_the_nodes_own_time()
    {
        PodStartup startup = Pulls(PodStartup.Begun, (10, 20), (30, 35)).WithInit("a", Seconds(7)).WithInit("b", Seconds(1)).WithInit("a", Seconds(7));

        Assert.Equal(Seconds(100 - 10 - 5 - 8), startup.OwnOf(Total));
    }

    [Fact]
    public void A_pull_that_fails_lasts_until_it_succeeds()
    {
        PodStartup startup = PodStartup.Begun.WithPullBegun(At(10)).WithPullBegun(At(30)).WithPullEnded(At(40));

        Assert.Equal(Seconds(70), startup.OwnOf(Total));
    }

    [Fact]
    public void Time_in_which_two_pulls_are_under_way_counts_once()
    {
        PodStartup startup = PodStartup.Begun.WithPullBegun(At(10)).WithPullBegun(At(15)).WithPullEnded(At(20)).WithPullEnded(At(30));

        Assert.Equal(Seconds(80), startup.OwnOf(Total));
    }

    [Fact]
    public void An_image_that_is_there_was_not_pulled() => Assert.Equal(Total, PodStartup.Begun.WithPullEnded(At(10)).OwnOf(Total));

    [Fact]
    public void A_clock_that_is_behind_makes_no_time_below_zero() => Assert.Equal(TimeSpan.Zero, Pulls(PodStartup.Begun, (0, 20)).OwnOf(Seconds(3)));

    [Fact]
    public void Only_pods_of_a_cluster_count_that_nobody_took_up_before_and_that_had_a_place_at_once()
    {
        Assert.True(PodStartup.Counts(FromApi(new V1PodStatus { Phase = "Pending" })));
        Assert.False(PodStartup.Counts(A.Pod()));
        Assert.False(PodStartup.Counts(FromApi(new V1PodStatus { StartTime = A.T0.UtcDateTime })));
        Assert.False(PodStartup.Counts(FromApi(new V1PodStatus { Phase = "Failed" })));
        Assert.False(PodStartup.Counts(FromApi(new V1PodStatus { Conditions = [new V1PodCondition { Type = "PodScheduled", Status = "False" }] })));
    }

    [Fact]
    public void A_pod_has_started_when_each_of_its_containers_is_shown_running()
    {
        V1Pod pod = A.Pod("Always", "a", "b");
        Assert.False(PodStartup.HasStarted(pod));

        pod.Status = new V1PodStatus { ContainerStatuses = [Running("a")] };
        Assert.False(PodStartup.HasStarted(pod));
        pod.Status.ContainerStatuses = [Running("a"), new V1ContainerStatus { Name = "b", State = new() { Waiting = new() } }];
        Assert.False(PodStartup.HasStarted(pod));
        pod.Status.ContainerStatuses = [Running("a"), Running("b")];
        Assert.True(PodStartup.HasStarted(pod));
    }

    [Fact]
    public void Volumes_beyond_files_of_objects_and_empty_directories_make_a_pod_stateful()
    {
        Assert.False(PodStartup.IsStateful(new V1PodSpec()));
        Assert.False(PodStartup.IsStateful(new V1PodSpec { Volumes = [new V1Volume { EmptyDir = new() }, new V1Volume { Projected = new() }, new V1Volume { Secret = new() }] }));
        Assert.True(PodStartup.IsStateful(new V1PodSpec { Volumes = [new V1Volume { EmptyDir = new() }, new V1Volume { HostPath = new() }] }));
    }

    private static PodStartup Pulls(PodStartup startup, params (int From, int To)[] pulls) => pulls.Aggregate(startup, (s, p) => s.WithPullBegun(At(p.From)).WithPullEnded(At(p.To)));

    private static V1Pod FromApi(V1PodStatus status)
    {
        V1Pod pod = A.Pod();
        pod.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/config.source"] = "api" };
        pod.Status = status;
        return pod;
    }

    private static V1ContainerStatus Running(string name) => new() { Name = name, State = new() { Running = new() { StartedAt = A.T0.UtcDateTime } } };

    private static DateTimeOffset At(int seconds) => A.T0.AddSeconds(seconds);

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
