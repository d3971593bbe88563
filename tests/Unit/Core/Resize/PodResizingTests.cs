using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;
using NativeKubelet.Tests.Unit.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Resize;

/// <summary>From a grant and what runs to the steps of a resize.</summary>
public sealed class PodResizingTests
{
    private static readonly V1Pod Before = Resizable.Pod("web 100m/200m 32Mi/64Mi", "log 10m/- 8Mi/-");
    private static readonly V1Pod After = Resizable.Pod("web 300m/400m 32Mi/64Mi", "log 10m/- 8Mi/-");

    [Fact]
    public void A_pod_that_runs_with_what_it_was_granted_needs_nothing() => Assert.Empty(A.Plan(new(Before), Resizable.Running(Before)).Steps);

    [Fact]
    public void Only_the_containers_that_run_with_something_else_are_resized()
    {
        ContainerResize resize = new("web-0", "web", new(100, 200, 32 * Resizable.Mi, 64 * Resizable.Mi));

        Assert.Equal([new ResizePod("s0", [resize])], A.Plan(new(After), Resizable.Running(Before)).Steps);
    }

    [Fact]
    public void A_container_that_has_ended_gets_the_new_amounts_at_its_start_and_the_pods_group_before_that()
    {
        PodObserved observed = Resizable.Running(Before);
        SandboxObserved sandbox = observed.Sandboxes[0];
        observed = PodObserved.Of([sandbox with { Containers = [A.Exited() with { SandboxId = "s0" }, sandbox.Containers[1]] }]);

        PodPlan plan = A.Plan(new(After), observed, seconds: 600);

        Assert.Equal(new ResizePod("s0", []), plan.Steps[0]);
        Assert.Equal("web", Assert.IsType<StartContainer>(plan.Steps[1]).Container);
    }

    [Fact]
    public void A_container_whose_policy_says_so_is_stopped_to_be_replaced_at_once()
    {
        V1Pod after = Resizable.Pod("web 300m/400m 32Mi/64Mi", "log 20m/- 8Mi/-");
        after.Spec.Containers[0].ResizePolicy = [new() { ResourceName = "cpu", RestartPolicy = "RestartContainer" }];

        ContainerStop stop = Assert.Single(Assert.IsType<StopContainers>(Assert.Single(A.Plan(new(after), Resizable.Running(Before)).Steps)).Containers);

        Assert.Equal(("web", "Container web resize requires restart", AfterStop.Replace), (stop.Container, stop.Message, stop.Then));
    }

    [Fact]
    public void The_policy_of_a_resource_that_stays_the_same_counts_nothing()
    {
        V1Pod after = After with { Spec = After.Spec with { Containers = [After.Spec.Containers[0] with { ResizePolicy = [new() { ResourceName = "memory", RestartPolicy = "RestartContainer" }] }, After.Spec.Containers[1]] } };

        Assert.IsType<ResizePod>(Assert.Single(A.Plan(new(after), Resizable.Running(Before)).Steps));
    }

    [Fact]
    public void A_resize_that_was_broken_off_is_done_again_for_every_container_even_if_nothing_differs()
    {
        PodObserved observed = PodObserved.Of([Resizable.Running(Before).Sandboxes[0] with { Resizing = true }]);

        ResizePod step = Assert.IsType<ResizePod>(Assert.Single(A.Plan(new(Before), observed).Steps));

        Assert.Equal([new("web-0", "web", null), new("log-0", "log", null)], step.Containers);
        Assert.True(PodResizing.IsUnderWay(new(Before), observed));
    }

    [Fact]
    public void What_an_older_agent_started_is_left_alone_until_a_resize_is_granted()
    {
        PodObserved observed = A.Sandbox(A.Running(), A.Running("log"));
        PodIntent granted = new(After) { Resize = new(null, 2) };

        Assert.Empty(A.Plan(new(After), observed).Steps);
        Assert.Equal(2, Assert.IsType<ResizePod>(Assert.Single(A.Plan(granted, observed).Steps)).Containers.Count);
    }

    [Fact]
    public void A_resize_is_under_way_from_its_grant_until_everything_is_in_force()
    {
        PodProgress begun = PodProgress.Start with { Resize = new(2) };

        Assert.Equal((new(2), null), ResizeProgress.Follow(begun.Resize, new(After), Resizable.Running(Before), begun));
        Assert.Equal((new(2), null), ResizeProgress.Follow(null, new(After), Resizable.Running(Before), PodProgress.Start));
        Assert.Equal((null, new(2)), ResizeProgress.Follow(begun.Resize, new(After), Resizable.Running(After), begun));
        Assert.Equal((new(2), null), ResizeProgress.Follow(begun.Resize, new(After, new(StopCause.Deleted)), Resizable.Running(After), begun));
    }

    [Fact]
    public void Conditions_tell_what_waits_and_what_is_under_way_each_with_its_own_generation()
    {
        PodIntent desired = new(After) { Resize = new(new("OutOfcpu", "no room", 3), 2) };
        PodProgress progress = PodProgress.Start with { Resize = new(2, "it is in use") };

        PodStatus status = PodStatusBuilder.Build(desired, Resizable.Running(Before), progress, PodPlan.Idle, null, A.Node, A.T0);

        Assert.Equal(
            [
                new PodCondition("PodResizePending", true, "Deferred", "no room", A.T0) { Generation = 3 },
                new PodCondition("PodResizeInProgress", true, "Error", "it is in use", A.T0) { Generation = 2 },
            ],
            status.Conditions.Where(c => c.Type.StartsWith("PodResize", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_pod_that_has_ended_resizes_no_more() =>
        Assert.Empty(ResizeConditions.Build(PodPhase.Failed, new(After) { Resize = new(new("OutOfcpu", "", 3), 2) }, PodProgress.Start with { Resize = new(2) }, null, A.T0));

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(50, 1, 50)]
    [InlineData(1, 50, 2)]
    public void A_status_tells_the_request_in_force_except_where_the_kernel_cannot(long inForce, long granted, long told) =>
        Assert.Equal(told, ReportedAmounts.Of(ResizableAmounts.None with { CpuRequest = inForce }, ResizableAmounts.None with { CpuRequest = granted }).CpuRequest);

    [Theory]
    [InlineData(5, 7, 7)]
    [InlineData(50, 5, 50)]
    [InlineData(5, 50, 10)]
    public void A_status_tells_the_limit_in_force_except_where_the_kernel_cannot(long inForce, long granted, long told) =>
        Assert.Equal(told, ReportedAmounts.Of(ResizableAmounts.None with { CpuLimit = inForce }, ResizableAmounts.None with { CpuLimit = granted }).CpuLimit);

    [Fact]
    public void Events_tell_the_resources_in_question()
    {
        Assert.Equal(
            """Pod resize OutOfcpu: {"containers":[{"name":"web","resources":{"limits":{"cpu":"400m","memory":"64Mi"},"requests":{"cpu":"300m","memory":"32Mi"}}},{"name":"log","resources":{"requests":{"cpu":"10m","memory":"8Mi"}}}],"generation":3,"error":"no \"room\""}""",
            ResizeMessages.Waits(After, new("OutOfcpu", "no \"room\"", 3)));
        Assert.StartsWith("Pod resize started: {\"containers\":", ResizeMessages.Started(After, 2), StringComparison.Ordinal);
    }
}
