"""Chinese surnames: those that are read otherwise than the same characters elsewhere, and the common ones. Pure.

Readings: 《现代汉语词典》 and 《新华字典》, entries marked 姓; where they allow two (乐 Lè or Yuè, 隗 Kuí or Wěi) no
choice is made here, and the reading is pypinyin's. Listed are those whose letters differ from what pypinyin 0.55 gives for
the character alone, and compounds of which one has several readings. Common: the most frequent surnames of the census of 2020, simplified.
"""

from __future__ import annotations

_SINGLE = {
    "单": "shan", "單": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "查": "zha", "盖": "ge", "蓋": "ge",
    "朴": "piao", "区": "ou", "區": "ou", "翟": "zhai", "覃": "qin", "缪": "miao", "繆": "miao", "秘": "bi",
    "种": "chong", "重": "chong", "繁": "po", "召": "shao", "折": "she", "洗": "xian", "员": "yun", "員": "yun",
    "贠": "yun", "佴": "nai", "藏": "zang", "薄": "bo", "卜": "bu", "乜": "nie", "粘": "nian", "都": "du",
    "句": "gou", "祭": "zhai", "阚": "kan",
}  # fmt: skip
_COMPOUND = {
    "尉迟": "yuchi", "尉遲": "yuchi", "万俟": "moqi", "萬俟": "moqi", "单于": "chanyu", "單于": "chanyu",
    "长孙": "zhangsun", "長孫": "zhangsun", "澹台": "tantai", "澹臺": "tantai", "仲长": "zhongchang",
    "仲長": "zhongchang", "乐正": "yuezheng", "樂正": "yuezheng", "令狐": "linghu", "鲜于": "xianyu",
    "鮮于": "xianyu", "皇甫": "huangfu", "濮阳": "puyang", "濮陽": "puyang",
}  # fmt: skip
_MIDDLE_DOTS = "·•‧・"
"""Between the parts of a name that was transliterated (查尔斯·狄更斯): its first character is no surname."""
COMMON = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛段郝顾龚邵覃武钱戴严莫孔向常汤康易乔赖文施洪季葛邢安俞倪樊"
    "牛温鲁章左霍童辛耿焦关齐庄穆祝苗柳纪涂舒蓝华毕项欧游柴尚尤凌聂翟包单丛梅颜申游鲍裴阮齐邬柯芦解古曲岳骆仇甘应车"
    "瞿宁党桂佟司卓席池盛屈房滕蒙冉靳景臧褚时卜牟卞苟屠燕卫刁饶连宗奚隋沙冷艾晏路娄麦湛褚迟谷闵温甄商蔺原查区朴丘原"
)
"""By these it is told whether a text of unknown encoding is a list of Chinese people."""


def surname_and_rest(name: str) -> tuple[str, str]:
    """The reading of a surname that has one of its own, and what is left of the name; without such a surname "" and all.

    Two characters alone are a surname of one and a given name: 单于 is Shan Yu, 单于明 is Chanyu Ming.
    """
    if any(dot in name for dot in _MIDDLE_DOTS):
        return "", name
    if len(name) > len("尉迟") and name[:2] in _COMPOUND:
        return _COMPOUND[name[:2]], name[2:]
    if name[:1] in _SINGLE:
        return _SINGLE[name[:1]], name[1:]
    return "", name
