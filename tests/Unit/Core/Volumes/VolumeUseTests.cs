using k8s.Models;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Tests.Unit.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Volumes;

public sealed class VolumeUseTests
{
    private static readonly ResourceAmounts Node = ResourceAmounts.None.With("memory", Quantity.Parse("1Gi"));

    [Fact]
    public void Only_volumes_that_a_container_uses_are_made()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml("volumeMounts: [{name: a, mountPath: /a}]\nvolumeDevices: [{name: b, devicePath: /dev/b}]",
            "volumes: [{name: a, emptyDir: {}}, {name: b, persistentVolumeClaim: {claimName: b}}, {name: c, emptyDir: {}}, {name: d, emptyDir: {}}]\ninitContainers: [{name: i, image: x, volumeMounts: [{name: d, mountPath: /d}]}]"));

        Assert.Equal(["a", "b", "d"], VolumeUse.Used(pod).Select(v => v.Name));
    }

    [Fact]
    public void A_volume_mounted_inside_another_needs_a_place_there()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml("volumeMounts: [{name: a, mountPath: /a/}, {name: b, mountPath: /a//deep/./er}, {name: b, mountPath: /ab}, {name: a, mountPath: /s, subPath: x}, {name: b, mountPath: /s/in}]",
            "volumes: [{name: a, configMap: {name: m}}, {name: b, emptyDir: {}}]"));

        Assert.Equal(["deep/er"], VolumeUse.NestedMountPoints(pod, "a"));
        Assert.Empty(VolumeUse.NestedMountPoints(pod, "b"));
    }

    [Theory]
    [InlineData("/a/b/", "/a/b")]
    [InlineData("a//b/.", "/a/b")]
    [InlineData("/a/../proc", "/proc")]
    [InlineData("/../../proc/", "/proc")]
    public void A_mount_path_is_what_the_runtime_will_make_of_it(string path, string place) => Assert.Equal(place, VolumeUse.Place(path));

    [Theory]
    [InlineData("", null, 1L << 30)]
    [InlineData("", "64Mi", 64L << 20)]
    [InlineData("", "2Gi", 1L << 30)]
    [InlineData("resources: {limits: {memory: 128Mi}}", null, 128L << 20)]
    [InlineData("resources: {limits: {memory: 128Mi}}", "256Mi", 128L << 20)]
    public void Memory_of_a_volume_is_bounded_by_node_pod_and_its_own_limit(string container, string? limit, long bytes) =>
        Assert.Equal(bytes, MemoryVolume.Size(Manifest.Pod(Manifest.Yaml(container)), limit is null ? null : new ResourceQuantity(limit), Node));

    [Theory]
    [InlineData("HugePages", "resources: {limits: {hugepages-2Mi: 2Mi, memory: 1Mi}}", 2L << 20)]
    [InlineData("HugePages-1Gi", "resources: {limits: {hugepages-2Mi: 2Mi, hugepages-1Gi: 1Gi, memory: 1Mi}}", 1L << 30)]
    public void Huge_pages_are_those_that_containers_ask_for(string medium, string container, long size) =>
        Assert.Equal(size, MemoryVolume.PageSize(Manifest.Pod(Manifest.Yaml(container)), medium));

    [Theory]
    [InlineData("HugePages", "resources: {limits: {hugepages-2Mi: 2Mi, hugepages-1Gi: 1Gi, memory: 1Mi}}")]
    [InlineData("HugePages", "")]
    [InlineData("HugePages-2Mi", "")]
    [InlineData("HugePages-", "")]
    [InlineData("HugePages-x", "")]
    public void Huge_pages_that_nobody_asks_for_are_refused(string medium, string container) =>
        Assert.Throws<FormatException>(() => MemoryVolume.PageSize(Manifest.Pod(Manifest.Yaml(container)), medium));

    [Theory]
    [InlineData("a/../b")]
    [InlineData("/a")]
    [InlineData("")]
    [InlineData("..a")]
    [InlineData("a\0b")]
    public void A_path_that_could_leave_a_volume_is_none(string path) => Assert.NotNull(VolumeContent.PathFault(path));

    [Theory]
    [InlineData("volumes: [{name: v, configMap: {items: [{key: a, path: ../x}]}}]", "spec.volumes[0].configMap.name")]
    [InlineData("volumes: [{name: v, secret: {secretName: s, items: [{path: x}]}}]", "spec.volumes[0].secret.items[0].key")]
    [InlineData("volumes: [{name: v, secret: {secretName: s, items: [{key: k, path: ..x}]}}]", "spec.volumes[0].secret.items[0].path")]
    [InlineData("volumes: [{name: v, projected: {sources: [{configMap: {name: a, items: [{key: k, path: x}]}}, {secret: {name: b, items: [{key: k, path: x}]}}]}}]", "spec.volumes[0].projected")]
    [InlineData("volumes: [{name: v, downwardAPI: {items: [{path: x, fieldRef: {fieldPath: status.podIP}}]}}]", "spec.volumes[0].downwardAPI.items[0].fieldRef.fieldPath")]
    [InlineData("volumes: [{name: v, downwardAPI: {items: [{path: x, resourceFieldRef: {resource: limits.cpu}}]}}]", "spec.volumes[0].downwardAPI.items[0].resourceFieldRef.containerName")]
    [InlineData("volumes: [{name: v, downwardAPI: {items: [{path: x, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 2m}}]}}]", "spec.volumes[0].downwardAPI.items[0].resourceFieldRef.divisor")]
    [InlineData("volumes: [{name: v, persistentVolumeClaim: {}}]", "spec.volumes[0].persistentVolumeClaim.claimName")]
    public void A_volume_that_an_API_server_would_refuse_is_refused(string spec, string field) =>
        Assert.Contains(Manifest.Errors(Manifest.Yaml(spec: spec)), e => e.StartsWith(field + ":", StringComparison.Ordinal));
}
