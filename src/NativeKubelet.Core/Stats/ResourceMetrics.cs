namespace NativeKubelet.Core.Stats;

/// <summary>/metrics/resource: what metrics-server reads (spec 20 §10.1). Samples carry the time at which they were measured.</summary>
public static class ResourceMetrics
{
    public static void Write(NodeStats stats, MetricText to)
    {
        long at = stats.At.ToUnixTimeMilliseconds();
        // A pod of which a part is missing would be taken for one that uses less than it does.
        (string Labels, PodStats Pod)[] pods = [.. stats.Pods.Where(IsWhole).Select(p => ($"{MetricText.Label("namespace", p.Namespace)},{MetricText.Label("pod", p.Name)}", p))];
        (string Labels, ContainerStats Container)[] containers = [.. from pod in pods from c in pod.Pod.Containers select ($"{MetricText.Label("container", c.Name)},{pod.Labels}", c)];

        to.Family("container_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the container in core-seconds");
        foreach ((string labels, ContainerStats c) in containers) to.Seconds(labels, c.Usage.CpuNanoseconds, at);
        to.Family("container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes");
        foreach ((string labels, ContainerStats c) in containers) to.Known(labels, c.Usage.WorkingSet, at);
        to.Family("container_swap_usage_bytes", "gauge", "[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems");
        foreach ((string labels, ContainerStats c) in containers) to.Known(labels, c.Usage.Strain.Swap, at);
        to.Family("container_swap_limit_bytes", "gauge", "[ALPHA] Current amount of the container swap limit in bytes. Reported only on non-windows systems");
        foreach ((string labels, ContainerStats c) in containers) to.Known(labels, c.Usage.Strain.SwapLimit, at);
        to.Family("container_start_time_seconds", "gauge", "[STABLE] Start time of the container since unix epoch in seconds");
        foreach ((string labels, ContainerStats c) in containers)
            if (c.Start is { } start) to.Sample(labels, start.ToUnixTimeMilliseconds() / 1e3);
        to.Family("node_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the node in core-seconds").Seconds("", stats.Usage.CpuNanoseconds, at);
        to.Family("node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes").Known("", stats.Usage.WorkingSet, at);
        to.Family("node_swap_usage_bytes", "gauge", "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems").Known("", stats.Usage.Strain.Swap, at);
        to.Family("pod_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds");
        foreach ((string labels, PodStats pod) in pods) to.Seconds(labels, pod.Usage.CpuNanoseconds, at);
        to.Family("pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes");
        foreach ((string labels, PodStats pod) in pods) to.Known(labels, pod.Usage.WorkingSet, at);
        to.Family("pod_swap_usage_bytes", "gauge", "[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems");
        foreach ((string labels, PodStats pod) in pods) to.Known(labels, pod.Usage.Strain.Swap, at);
        to.Family("resource_scrape_error", "gauge", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise").Sample("", stats.At == default ? 1 : 0);
    }

    private static bool IsWhole(PodStats pod) => pod.Containers.Length > 0 && pod.Containers.All(c => c.Usage is { CpuNanoseconds: not null, WorkingSet: not null });
}
