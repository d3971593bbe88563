using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class AppArmorChoiceTests
{
    [Fact]
    public void The_containers_field_counts_before_the_annotation_and_that_before_the_pods_field()
    {
        Assert.Equal(new AppArmorChoice.Unsaid(), Choice());
        Assert.Equal(new AppArmorChoice.RuntimeDefault(), Choice(pod: Profile("RuntimeDefault")));
        Assert.Equal(new AppArmorChoice.Unconfined(), Choice(pod: Profile("RuntimeDefault"), annotation: "unconfined"));
        Assert.Equal(new AppArmorChoice.Localhost("mine"), Choice(annotation: "localhost/mine"));
        Assert.Equal(new AppArmorChoice.RuntimeDefault(), Choice(annotation: "runtime/default"));
        Assert.Equal(new AppArmorChoice.Localhost("own"), Choice(pod: Profile("Unconfined"), container: Profile("Localhost", "own"), annotation: "unconfined"));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("")]
    [InlineData("Unconfined")]
    public void An_annotation_that_means_nothing_is_not_unconfined(string annotation) => Assert.IsType<AppArmorChoice.Localhost>(Choice(annotation: annotation));

    [Fact]
    public void A_privileged_container_is_unconfined() =>
        Assert.Equal(new AppArmorChoice.Unconfined(), AppArmorChoice.Of(Pod(null, "localhost/x"), new() { Name = "c", SecurityContext = new() { Privileged = true } }));

    [Theory]
    [InlineData("RuntimeDefault", false, "AppArmor")]
    [InlineData("RuntimeDefault", true, null)]
    [InlineData("Unconfined", false, null)]
    public void A_pod_that_must_be_confined_is_rejected_where_nothing_confines(string type, bool has, string? reason)
    {
        V1Pod pod = Pod(Profile(type), null);
        NodeFacts node = new("n", new Dictionary<string, string>()) { AppArmor = has };

        Assert.Equal(reason, Admission.Check(pod, [], node, (_, _) => null)?.Reason);
    }

    [Fact]
    public void A_kernel_parameter_that_is_not_allowed_rejects_the_pod_before_all_else()
    {
        V1Pod pod = Pod(null, null);
        pod.Metadata.Labels = new Dictionary<string, string> { ["kubernetes.io/os"] = "windows" };
        pod.Spec.SecurityContext = new() { Sysctls = [new() { Name = "kernel.core_pattern", Value = "|/x" }] };

        Assert.Equal(
            new AdmissionRefusal("SysctlForbidden", "forbidden sysctl: \"kernel.core_pattern\" not allowlisted"),
            Admission.Check(pod, [], new("n", new Dictionary<string, string>()), (_, _) => null));
    }

    [Fact]
    public void The_kernels_list_of_profiles_is_read_with_blanks_in_names() =>
        Assert.Equal(["a b", "nativekubelet-default"], AppArmorProfiles.Names("a b (complain)\nnativekubelet-default (enforce)\nbroken\n"));

    private static V1AppArmorProfile Profile(string type, string? name = null) => new() { Type = type, LocalhostProfile = name };

    private static AppArmorChoice Choice(V1AppArmorProfile? pod = null, V1AppArmorProfile? container = null, string? annotation = null) =>
        AppArmorChoice.Of(Pod(pod, annotation), new() { Name = "c", SecurityContext = new() { AppArmorProfile = container } });

    private static V1Pod Pod(V1AppArmorProfile? profile, string? annotation) => new()
    {
        Metadata = new()
        {
            Name = "p",
            Annotations = annotation is null ? null : new Dictionary<string, string> { ["container.apparmor.security.beta.kubernetes.io/c"] = annotation },
        },
        Spec = new() { SecurityContext = new() { AppArmorProfile = profile }, Containers = [new() { Name = "c" }] },
    };
}
