using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// What an API server would have filled in (spec 30 §2). Idempotent, and null-tolerant: it runs before validation.
/// Changes the model it is given.
/// </summary>
public static class PodDefaults
{
    private const int FileMode = 0x1A4; // 0644

    public static void Apply(V1Pod pod)
    {
        V1PodSpec spec = pod.Spec;
        spec.RestartPolicy = Or(spec.RestartPolicy, "Always");
        spec.DnsPolicy = Or(spec.DnsPolicy, "ClusterFirst");
        spec.TerminationGracePeriodSeconds ??= 30;
        spec.SchedulerName = Or(spec.SchedulerName, "default-scheduler");
        spec.SecurityContext ??= new V1PodSecurityContext();
        spec.EnableServiceLinks ??= true;
        spec.ServiceAccountName = string.IsNullOrEmpty(spec.ServiceAccountName) ? spec.ServiceAccount : spec.ServiceAccountName;

        foreach (V1Container container in spec.Containers ?? []) Container(container, spec);
        foreach (V1Container container in spec.InitContainers ?? []) Container(container, spec);
        foreach (V1EphemeralContainer container in spec.EphemeralContainers ?? [])
        {
            container.ImagePullPolicy = PullPolicy(container.ImagePullPolicy, container.Image);
            container.TerminationMessagePath = Or(container.TerminationMessagePath, "/dev/termination-log");
            container.TerminationMessagePolicy = Or(container.TerminationMessagePolicy, "File");
        }
        foreach (V1Volume volume in spec.Volumes ?? []) Volume(volume);
        if (spec.Resources is { } shared) PodLevel(shared, spec);
    }

    /// <summary>Always for a tag that moves ("latest", or none), unless a digest pins the content.</summary>
    public static string PullPolicy(string? policy, string? image)
    {
        if (!string.IsNullOrEmpty(policy)) return policy;
        image ??= "";
        int digest = image.IndexOf('@', StringComparison.Ordinal);
        string name = digest < 0 ? image : image[..digest];
        int tag = name.IndexOf(':', name.LastIndexOf('/') + 1);
        string version = tag < 0 ? "" : name[(tag + 1)..];
        return version == "latest" || (version.Length == 0 && digest < 0) ? "Always" : "IfNotPresent";
    }

    private static void Container(V1Container container, V1PodSpec spec)
    {
        container.ImagePullPolicy = PullPolicy(container.ImagePullPolicy, container.Image);
        container.TerminationMessagePath = Or(container.TerminationMessagePath, "/dev/termination-log");
        container.TerminationMessagePolicy = Or(container.TerminationMessagePolicy, "File");
        foreach (V1ContainerPort port in container.Ports ?? [])
        {
            port.Protocol = Or(port.Protocol, "TCP");
            if (spec.HostNetwork == true && port.HostPort is null or 0) port.HostPort = port.ContainerPort;
        }
        foreach (V1EnvVar variable in container.Env ?? [])
            if (variable.ValueFrom?.FieldRef is { } field) field.ApiVersion = Or(field.ApiVersion, "v1");
        if (container.Resources is { } resources) Requests(resources);
        foreach (V1Probe? probe in new[] { container.LivenessProbe, container.ReadinessProbe, container.StartupProbe })
            if (probe is not null) Probe(probe);
        foreach (V1LifecycleHandler? hook in new[] { container.Lifecycle?.PostStart, container.Lifecycle?.PreStop })
            if (hook?.HttpGet is { } get) HttpGet(get);
    }

    private static void Requests(V1ResourceRequirements resources)
    {
        resources.Limits = Rounded(resources.Limits);
        resources.Requests = Rounded(resources.Requests);
        if (resources.Limits is null) return;
        foreach ((string name, ResourceQuantity limit) in resources.Limits)
        {
            resources.Requests ??= new Dictionary<string, ResourceQuantity>();
            resources.Requests.TryAdd(name, limit);
        }
    }

    private static void PodLevel(V1ResourceRequirements shared, V1PodSpec spec)
    {
        shared.Limits = Rounded(shared.Limits);
        shared.Requests = Rounded(shared.Requests);
        if (shared.Limits is not { Count: > 0 }) return;
        shared.Requests ??= new Dictionary<string, ResourceQuantity>();
        ResourceAmounts sum = (spec.Containers ?? []).Aggregate(ResourceAmounts.None, (all, c) => all.Plus(ResourceAmounts.From(c.Resources?.Requests)));
        foreach ((string name, ResourceQuantity limit) in shared.Limits)
            shared.Requests.TryAdd(name, sum.ByName.TryGetValue(name, out Quantity requested) ? new ResourceQuantity(requested.ToString()) : limit);
    }

    private static Dictionary<string, ResourceQuantity>? Rounded(IDictionary<string, ResourceQuantity>? amounts)
    {
        if (amounts is null) return null;
        Dictionary<string, ResourceQuantity> rounded = [];
        foreach ((string name, ResourceQuantity amount) in amounts)
        {
            decimal milli = amount.ToDecimal() * 1000;
            rounded[name] = milli == decimal.Truncate(milli) ? amount : new ResourceQuantity(Quantity.FromMilli((long)decimal.Ceiling(milli)).ToString());
        }
        return rounded;
    }

    private static void Probe(V1Probe probe)
    {
        probe.TimeoutSeconds = Or(probe.TimeoutSeconds, 1);
        probe.PeriodSeconds = Or(probe.PeriodSeconds, 10);
        probe.SuccessThreshold = Or(probe.SuccessThreshold, 1);
        probe.FailureThreshold = Or(probe.FailureThreshold, 3);
        if (probe.HttpGet is { } get) HttpGet(get);
        if (probe.Grpc is { } grpc) grpc.Service ??= "";
    }

    private static void HttpGet(V1HTTPGetAction get)
    {
        get.Path = Or(get.Path, "/");
        get.Scheme = Or(get.Scheme, "HTTP");
    }

    private static void Volume(V1Volume volume)
    {
        if (VolumeSources.Of(volume).Count == 0) volume.EmptyDir = new V1EmptyDirVolumeSource();
        if (volume.HostPath is { } path) path.Type ??= "";
        if (volume.Image is { } image) image.PullPolicy = PullPolicy(image.PullPolicy, image.Reference);
        if (volume.Secret is { } secret) secret.DefaultMode ??= FileMode;
        if (volume.ConfigMap is { } map) map.DefaultMode ??= FileMode;
        if (volume.DownwardAPI is { } downward) downward.DefaultMode ??= FileMode;
        if (volume.Projected is not { } projected) return;
        projected.DefaultMode ??= FileMode;
        foreach (V1VolumeProjection source in projected.Sources ?? [])
            if (source.ServiceAccountToken is { } token) token.ExpirationSeconds ??= 3600;
    }

    private static string Or(string? value, string standard) => string.IsNullOrEmpty(value) ? standard : value;

    // Zero counts as unset, as in the API's own defaulting.
    private static int Or(int? value, int standard) => value is null or 0 ? standard : value.Value;
}
