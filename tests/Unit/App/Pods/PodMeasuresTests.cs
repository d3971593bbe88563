using NativeKubelet.Core.Pods;
using NativeKubelet.Pods;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.App.Pods;

public sealed class PodMeasuresTests
{
    private static readonly PodStatus None = new(PodPhase.Running, "", "", [], [], null, [], [], "BestEffort", null);

    [Fact]
    public void Every_end_counts_once_by_kind_code_and_reason()
    {
        PodMeasures measures = new();
        PodStatus ran = None with { InitContainers = [Of("i", new Running(DateTimeOffset.UnixEpoch))], Containers = [Of("c", new Running(DateTimeOffset.UnixEpoch))] };
        PodStatus over = ran with { InitContainers = [Of("i", End("1", 0, "Completed"))], Containers = [Of("c", End("2", 139, "Error"))] };
        // It waits for its next run, which the status of its end may never have been shown before.
        PodStatus again = over with { Containers = [Of("c", new Waiting("CrashLoopBackOff", ""), End("3", 139, "Error"))] };

        measures.Ended(None, ran);
        measures.Ended(ran, over);
        measures.Ended(over, over with { Message = "as it was" });
        measures.Ended(over, again);
        measures.Ended(again, again with { Containers = [Of("c", new Running(DateTimeOffset.UnixEpoch), End("3", 139, "Error"))] });

        Exposition page = HistogramTests.Read(measures.Write);
        Assert.Equal(1, page.Value("kubelet_terminated_containers_total", "container_type=\"init_container\",exit_code=\"0\",reason=\"Completed\""));
        Assert.Equal(2, page.Value("kubelet_terminated_containers_total", "container_type=\"container\",exit_code=\"139\",reason=\"Error\""));
    }

    private static ContainerStatus Of(string name, ContainerStateOf state, Terminated? last = null) => new(name, "image", "", "", 0, false, false, state, last);

    private static Terminated End(string id, int code, string reason) => new(code, reason, "", null, null, id);
}
