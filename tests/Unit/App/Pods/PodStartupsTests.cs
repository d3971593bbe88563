using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Stats;
using NativeKubelet.Pods;
using NativeKubelet.Tests.Unit.Core.Pods;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class PodStartupsTests
{
    private readonly PodStartups _startups = new();

    [Fact]
    public void A_start_is_told_once_when_the_server_shows_it_without_pulls_and_init_containers()
    {
        V1Pod pod = Pod("u1", hostNetwork: false);
        pod.Spec.InitContainers = [new V1Container { Name = "init" }, new V1Container { Name = "sidecar", RestartPolicy = "Always" }];
        _startups.Seen(pod);
        _startups.PullBegun("u1", At(1));
        _startups.PullEnded("u1", At(21));
        _startups.Inits(pod, A.Sandbox(Ended("init", 30), Ended("sidecar", 40)));

        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = pod }, At(60));
        Assert.Equal((0, 0), (Count("sli"), Count("total")));

        Start(pod);
        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = pod }, At(100));
        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = pod }, At(200));
        Assert.Equal((1, 50, 1, 100), (Count("sli"), Sum("sli"), Count("total"), Sum("total")));
        Assert.Equal(50, Page().Value("kubelet_first_network_pod_start_sli_duration_seconds", ""));
    }

    [Fact]
    public void A_pod_with_state_counts_in_the_total_only_and_one_on_the_hosts_network_is_not_the_first_with_one()
    {
        V1Pod stateful = Pod("u1", hostNetwork: false), onHost = Pod("u2", hostNetwork: true);
        stateful.Spec.Volumes = [new V1Volume { Name = "v", HostPath = new() }];
        foreach (V1Pod pod in (V1Pod[])[stateful, onHost])
        {
            _startups.Seen(pod);
            Start(pod);
        }

        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = stateful, ["u2"] = onHost }, At(5));

        Assert.Equal((1, 2, 0), (Count("sli"), Count("total"), Page().Value("kubelet_first_network_pod_start_sli_duration_seconds", "")));
    }

    [Fact]
    public void What_ends_or_goes_before_it_is_shown_running_is_not_told()
    {
        V1Pod ended = Pod("u1", hostNetwork: true), gone = Pod("u2", hostNetwork: true), unseen = Pod("u3", hostNetwork: true);
        _startups.Seen(ended);
        _startups.Seen(gone);
        Start(ended);
        ended.Status.Phase = "Succeeded";
        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = ended }, At(5));
        foreach (V1Pod pod in (V1Pod[])[ended, gone, unseen]) Start(pod);

        _startups.Observe(new Dictionary<string, V1Pod> { ["u1"] = ended, ["u2"] = gone, ["u3"] = unseen }, At(6));

        Assert.Equal((0, 0), (Count("sli"), Count("total")));
    }

    private static V1Pod Pod(string uid, bool hostNetwork)
    {
        V1Pod pod = A.Pod();
        pod.Metadata.Uid = uid;
        pod.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/config.source"] = "api" };
        pod.Spec.HostNetwork = hostNetwork;
        return pod;
    }

    private static void Start(V1Pod pod) =>
        pod.Status = new V1PodStatus { Phase = "Running", ContainerStatuses = [new V1ContainerStatus { Name = "web", State = new() { Running = new() { StartedAt = A.T0.UtcDateTime } } }] };

    private static ContainerObserved Ended(string name, int seconds) => A.Exited(name) with { StartedAt = At(20), FinishedAt = At(20 + seconds) };

    private static DateTimeOffset At(int seconds) => A.T0.AddSeconds(seconds);

    private double Count(string which) => Page().Value($"kubelet_pod_start_{which}_duration_seconds_count", "");

    private double Sum(string which) => Page().Value($"kubelet_pod_start_{which}_duration_seconds_sum", "");

    private Exposition Page()
    {
        using MetricText text = new();
        _startups.Write(text);
        return Exposition.Parse(text.ToString());
    }
}
