using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class EphemeralContainerTests
{
    private static readonly StartContainer Start = new("debug", "s0", null, 0);

    [Fact]
    public void One_that_is_added_starts_beside_what_runs() =>
        Assert.Equal([Start], A.Plan(With(A.Intent()), A.Sandbox(A.Running())).Steps);

    [Fact]
    public void It_waits_for_no_init_container_and_starts_before_it() =>
        Assert.Equal([Start, new StartContainer("setup", "s0", null, 0)], A.Plan(With(A.WithInit("Always", "setup")), A.Sandbox()).Steps);

    [Fact]
    public void It_starts_while_an_init_container_runs_or_waits_for_its_back_off()
    {
        Assert.Equal([Start], A.Plan(With(A.WithInit("Always", "setup")), A.Sandbox(A.Running("setup"))).Steps);
        Assert.Equal([Start], A.Plan(With(A.WithInit("Always", "setup")), A.Sandbox(A.Exited("setup", step: 1))).Steps);
    }

    [Fact]
    public void It_starts_while_the_others_wait_for_their_back_off()
    {
        PodPlan plan = A.Plan(With(A.Intent()), A.Sandbox(A.Exited(step: 1, restarts: 1)));

        Assert.Equal([Start], plan.Steps);
        Assert.Equal("CrashLoopBackOff", Assert.Single(plan.Waiting).Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void It_is_never_started_again(int code) =>
        Assert.Empty(A.Plan(With(A.Intent()), A.Sandbox(A.Running(), Debug(A.Exited("debug", code))), 3600).Steps);

    [Fact]
    public void A_start_that_left_no_record_is_tried_again_at_its_time()
    {
        PodProgress failed = PodProgress.Start.Failed("debug", new("ErrImagePull", "no such host", A.T0.AddSeconds(10), "busybox:1"));

        PodPlan early = A.Plan(With(A.Intent()), A.Sandbox(A.Running()), 9, failed);

        Assert.Empty(early.Steps);
        Assert.Equal(A.T0.AddSeconds(10), early.WakeAt);
        Assert.Equal("ImagePullBackOff", Assert.Single(early.Waiting).Reason);
        Assert.Equal([Start], A.Plan(With(A.Intent()), A.Sandbox(A.Running()), 11, failed).Steps);
    }

    [Fact]
    public void It_does_not_keep_a_pod_alive_that_has_done_its_work()
    {
        PodPlan plan = A.Plan(With(A.Intent("Never")), A.Sandbox(A.Exited(code: 0), Debug(A.Running("debug"))));

        Assert.True(plan.IsEnd);
        Assert.Equal(["debug"], Assert.IsType<StopPod>(Assert.Single(plan.Steps)).Containers.Select(c => c.Container));
    }

    [Fact]
    public void In_a_new_sandbox_it_does_not_run_again_and_its_record_stays()
    {
        PodObserved two = PodObserved.Of([A.Attempt(0, false, Debug(A.Exited("debug"))), A.Attempt(1, true, A.Running())]);

        Assert.Equal(PodPlan.Idle, A.Plan(With(A.Intent()), two, progress: PodProgress.Start.SandboxStopped("s0")));
    }

    [Fact]
    public void A_spec_from_before_it_was_added_ends_nothing_and_forgets_nothing()
    {
        Assert.Equal(PodPlan.Idle, A.Plan(A.Intent(), A.Sandbox(A.Running(), Debug(A.Running("debug")))));
        Assert.Equal(PodPlan.Idle, A.Plan(A.Intent(), A.Sandbox(A.Running(), Debug(A.Exited("debug")))));
    }

    [Fact]
    public void It_ends_with_its_pod_and_sidecars_do_not_wait_for_it()
    {
        PodIntent ending = With(A.WithInit("Always", "side")).WithStop(new(StopCause.Deleted));

        StopPod stop = Assert.IsType<StopPod>(A.Plan(ending, A.Sandbox(A.Running("side"), A.Running(), Debug(A.Running("debug")))).Steps[0]);

        Assert.Equal([("side", 1), ("web", 0), ("debug", ContainerStop.NoTurn)], stop.Containers.Select(c => (c.Container, c.Turn)));
    }

    [Fact]
    public void It_counts_for_nothing_of_the_status_but_its_own()
    {
        PodIntent desired = With(A.Intent());
        PodObserved failed = A.Sandbox(A.Running(), Debug(A.Exited("debug", 3)));

        PodStatus with = Status(desired, failed, null), without = Status(A.Intent(), A.Sandbox(A.Running()), null);

        Assert.Equal(without, with with { EphemeralContainers = [] });
        ContainerStatus told = Assert.Single(with.EphemeralContainers);
        Assert.Equal(("debug", 3, false, false), (told.Name, Assert.IsType<Terminated>(told.State).ExitCode, told.Ready, told.Started));
    }

    [Fact]
    public void One_that_could_not_be_started_says_why_and_one_that_failed_at_its_start_has_ended()
    {
        PodProgress failure = PodProgress.Start.Failed("debug", new("ErrImagePull", "no such host", A.T0.AddSeconds(10), "busybox:1"));

        Assert.Equal(new Waiting("ErrImagePull", "no such host"), Assert.Single(Status(With(A.Intent()), A.Sandbox(A.Running()), null, failure).EphemeralContainers).State);
        Assert.IsType<Terminated>(Assert.Single(Status(With(A.Intent()), A.Sandbox(A.Running(), Debug(A.Exited("debug", 128))), null, failure).EphemeralContainers).State);
    }

    [Fact]
    public void What_was_told_to_have_ended_is_never_told_to_begin_again()
    {
        PodIntent desired = With(A.Intent());
        PodStatus ended = Status(desired, A.Sandbox(A.Running(), Debug(A.Exited("debug"))), null);

        Assert.IsType<Terminated>(Assert.Single(Status(desired, A.Sandbox(A.Running()), ended).EphemeralContainers).State);
    }

    [Fact]
    public void What_this_build_does_not_do_keeps_that_one_from_starting()
    {
        V1Pod pod = With(A.Intent()).Pod;
        pod.Metadata.Annotations = new Dictionary<string, string> { [StaticPodIdentity.SourceAnnotation] = "api" };
        Assert.Empty(SupportedFields.Refused(pod));

        pod.Spec.EphemeralContainers[0].Resources = new() { Claims = [new() { Name = "x" }] };

        Assert.Contains("spec.ephemeralContainers[0].resources.claims", SupportedFields.Refusal(pod, "debug"), StringComparison.Ordinal);
        Assert.Null(SupportedFields.Refusal(pod, "web"));
    }

    [Fact]
    public void It_has_what_it_was_given_of_rights_and_nothing_of_what_it_may_not_have()
    {
        V1EphemeralContainer asked = new()
        {
            Name = "debug",
            Image = "i",
            TargetContainerName = "web",
            Tty = true,
            SecurityContext = new() { Capabilities = new() { Add = ["SYS_PTRACE"] } },
            Ports = [new() { HostPort = 80 }],
            LivenessProbe = new(),
            Lifecycle = new(),
            Resources = new() { Limits = new Dictionary<string, ResourceQuantity>() },
            RestartPolicy = "Always",
        };

        V1Container made = ContainerSpecs.AsContainer(asked);

        Assert.Same(asked.SecurityContext, made.SecurityContext);
        Assert.True(made.Tty);
        Assert.Equal((null, null, null, null, null), (made.Ports, made.LivenessProbe, made.Lifecycle, made.Resources, made.RestartPolicy));
    }

    [Fact]
    public void Events_name_the_list_that_a_container_is_in()
    {
        V1PodSpec spec = With(A.WithInit("Always", "setup")).Pod.Spec;

        Assert.Equal(["spec.initContainers{setup}", "spec.containers{web}", "spec.ephemeralContainers{debug}"], new[] { "setup", "web", "debug" }.Select(name => ContainerSpecs.FieldPath(spec, name)));
    }

    private static PodIntent With(PodIntent intent)
    {
        intent.Pod.Spec.EphemeralContainers = [new() { Name = "debug", Image = "busybox:1", ImagePullPolicy = "IfNotPresent", TargetContainerName = "web" }];
        return intent;
    }

    private static ContainerObserved Debug(ContainerObserved container) => container with { Ephemeral = true };

    private static PodStatus Status(PodIntent desired, PodObserved observed, PodStatus? previous, PodProgress? progress = null)
    {
        PodProgress known = (progress ?? PodProgress.Start).Noting(observed, A.T0, A.T0);
        return PodStatusBuilder.Build(desired, observed, known, PodPlan.Idle, previous, A.Node, A.T0);
    }
}
